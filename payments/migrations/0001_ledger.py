"""The ledger in its final shape: tables, balances by trigger, posting, lots. Rights follow in sql/grants.sql."""

import django.db.models.deletion
from django.db import migrations, models

import payments.models.ledger
import promote.ids
from promote.sqlfile import SqlFile


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("accounts", "0001_initial"),
    ]

    operations = [
        SqlFile("payments/sql/0001_ledger.sql", undo="payments/sql/0001_ledger_undo.sql"),
        SqlFile("payments/sql/0002_balances.sql", undo="payments/sql/0002_balances_undo.sql"),
        SqlFile("payments/sql/0003_post.sql", undo="payments/sql/0003_post_undo.sql"),
        migrations.CreateModel(
            name="Checkpoint",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("up_to", payments.models.ledger.Xid8Field()),
                ("debits", models.BigIntegerField()),
                ("credits", models.BigIntegerField()),
                ("taken_at", models.DateTimeField()),
            ],
            options={
                "db_table": "payments_checkpoint",
                "managed": False,
            },
        ),
        migrations.CreateModel(
            name="Journal",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("kind", models.CharField(max_length=24)),
                ("key", models.CharField(max_length=160, unique=True)),
                ("request_hash", models.BinaryField()),
                ("ref", models.CharField(max_length=160)),
                ("created_at", models.DateTimeField()),
                ("xid", payments.models.ledger.Xid8Field()),
            ],
            options={
                "db_table": "payments_journal",
                "managed": False,
            },
        ),
        migrations.CreateModel(
            name="LedgerAccount",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("ledger", models.SmallIntegerField()),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("platform", "Platform"),
                            ("lot", "Lot of coins"),
                            ("escrow", "Escrow of an order"),
                            ("debt", "Debt"),
                            ("campaign", "Coupon campaign"),
                            ("withdrawal", "Escrow of a withdrawal"),
                            ("dispute", "Escrow of a dispute"),
                        ],
                        max_length=24,
                    ),
                ),
                ("code", models.CharField(max_length=96, null=True)),
                ("owner", models.UUIDField(help_text="The account whose money this is.", null=True)),
                (
                    "guard",
                    models.CharField(
                        choices=[("C", "never below zero"), ("D", "never above zero"), ("N", "none")], max_length=1
                    ),
                ),
                ("hot", models.BooleanField()),
                ("closed", models.BooleanField()),
                ("debits", models.BigIntegerField()),
                ("credits", models.BigIntegerField()),
            ],
            options={
                "db_table": "payments_ledgeraccount",
                "managed": False,
            },
        ),
        migrations.CreateModel(
            name="Transfer",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("seq", models.IntegerField()),
                ("ledger", models.SmallIntegerField()),
                ("amount", models.BigIntegerField()),
                ("xid", payments.models.ledger.Xid8Field()),
                ("created_at", models.DateTimeField()),
            ],
            options={
                "db_table": "payments_transfer",
                "managed": False,
            },
        ),
        migrations.CreateModel(
            name="Lot",
            fields=[
                ("id", models.UUIDField(default=promote.ids.new, editable=False, primary_key=True, serialize=False)),
                (
                    "origin",
                    models.CharField(
                        choices=[
                            ("grant", "Given by us"),
                            ("apple", "App Store"),
                            ("google", "Google Play"),
                            ("card", "Card"),
                            ("paypal", "PayPal"),
                            ("paypal_reference", "Saved PayPal"),
                            ("direct_debit", "Direct debit"),
                            ("dana", "DANA"),
                            ("ovo", "OVO"),
                            ("doku_bank_transfer", "Bank transfer"),
                            ("offline_bank_transfer", "Offline bank transfer"),
                            ("rabbit_line_pay", "Rabbit LINE Pay"),
                            ("2c2p_bank_transfer", "Bank transfer"),
                            ("truemoney", "TrueMoney"),
                        ],
                        max_length=24,
                    ),
                ),
                ("coins", models.PositiveIntegerField()),
                ("paid_minor", models.PositiveBigIntegerField(default=0)),
                ("currency", models.CharField(blank=True, max_length=3)),
                ("top_up", models.UUIDField(null=True, unique=True)),
                ("reason", models.CharField(blank=True, max_length=200)),
                ("expires_at", models.DateTimeField(null=True)),
                ("withdrawable", models.BooleanField()),
                ("opened_at", models.DateTimeField()),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="lots", to="accounts.account"
                    ),
                ),
                (
                    "ledger_account",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="lot", to="payments.ledgeraccount"
                    ),
                ),
                (
                    "opening",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="lot", to="payments.journal"
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("expires_at", None), _negated=True),
                        fields=["expires_at"],
                        name="lot_expiring",
                    )
                ],
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("coins__gt", 0)), name="lot_of_coins"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("withdrawable", False),
                            models.Q(("origin__in", ("grant", "apple", "google")), _negated=True),
                            _connector="OR",
                        ),
                        name="lot_withdrawable_by_origin",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("currency", ""), ("origin", "grant"), ("paid_minor", 0), ("top_up", None)),
                            models.Q(
                                models.Q(("origin", "grant"), _negated=True),
                                models.Q(("currency", ""), _negated=True),
                                ("expires_at", None),
                            ),
                            _connector="OR",
                        ),
                        name="lot_granted_or_bought",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Gift",
            fields=[
                (
                    "id",
                    models.UUIDField(default=promote.ids.new, editable=False, primary_key=True, serialize=False),
                ),
                ("reference", models.CharField(max_length=128, unique=True)),
                ("live", models.CharField(blank=True, max_length=128)),
                ("coins", models.PositiveIntegerField()),
                ("given_at", models.DateTimeField()),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="gifts", to="accounts.account"
                    ),
                ),
                (
                    "journal",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="gift", to="payments.journal"
                    ),
                ),
            ],
            options={
                "constraints": [models.CheckConstraint(condition=models.Q(("coins__gt", 0)), name="gift_of_coins")],
            },
        ),
    ]
