"""What providers say of our accounts there, adjustments by two people, withdrawals by legs."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import promote.ids
from promote.sqlfile import SqlFile


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_initial"),
        ("markets", "0003_withdrawals"),
        ("payments", "0008_returns"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Difference",
            fields=[
                ("id", models.UUIDField(default=promote.ids.new, editable=False, primary_key=True, serialize=False)),
                ("gateway", models.CharField(max_length=32)),
                ("method", models.CharField(blank=True, max_length=32)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("missing_here", "Paid there, not here"),
                            ("missing_there", "Here, not there"),
                            ("amount", "The amount differs"),
                            ("currency", "The currency differs"),
                            ("return_unknown", "Paid back there, not here"),
                        ],
                        max_length=16,
                    ),
                ),
                (
                    "subject",
                    models.CharField(help_text="The provider's id of the payment, refund or dispute.", max_length=255),
                ),
                ("at", models.DateTimeField(help_text="When it happened, by whoever has it.")),
                ("ours_minor", models.BigIntegerField(null=True)),
                ("ours_currency", models.CharField(blank=True, max_length=3)),
                ("theirs_minor", models.BigIntegerField(null=True)),
                ("theirs_currency", models.CharField(blank=True, max_length=3)),
                (
                    "state",
                    models.CharField(
                        choices=[("open", "Open"), ("gone", "No longer found"), ("resolved", "Resolved")],
                        default="open",
                        max_length=8,
                    ),
                ),
                ("found_at", models.DateTimeField()),
                (
                    "top_up",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="differences",
                        to="payments.topup",
                    ),
                ),
            ],
            options={
                "permissions": [("resolve_difference", "Can resolve a difference")],
            },
        ),
        migrations.CreateModel(
            name="DifferenceNote",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "to_state",
                    models.CharField(
                        choices=[("open", "Open"), ("gone", "No longer found"), ("resolved", "Resolved")], max_length=8
                    ),
                ),
                ("reason", models.CharField(max_length=1000)),
                ("at", models.DateTimeField()),
                (
                    "by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "difference",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="notes", to="payments.difference"
                    ),
                ),
            ],
            options={
                "ordering": ["id"],
            },
        ),
        migrations.CreateModel(
            name="ProviderLine",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("gateway", models.CharField(max_length=32)),
                ("ref", models.CharField(max_length=255)),
                ("kind", models.CharField(max_length=16)),
                ("at", models.DateTimeField()),
                ("amount_minor", models.BigIntegerField()),
                ("fee_minor", models.BigIntegerField()),
                ("currency", models.CharField(max_length=3)),
                ("payment_ref", models.CharField(blank=True, max_length=255)),
                ("subject", models.CharField(blank=True, max_length=255)),
                ("method", models.CharField(blank=True, max_length=32)),
                ("read_at", models.DateTimeField()),
            ],
            options={
                "indexes": [
                    models.Index(fields=["gateway", "payment_ref"], name="provider_line_of_payment"),
                    models.Index(fields=["gateway", "at"], name="provider_line_by_time"),
                ],
                "constraints": [models.UniqueConstraint(fields=("gateway", "ref"), name="provider_line_once")],
            },
        ),
        migrations.CreateModel(
            name="Reconciliation",
            fields=[
                ("id", models.UUIDField(default=promote.ids.new, editable=False, primary_key=True, serialize=False)),
                ("gateway", models.CharField(max_length=32)),
                ("since", models.DateTimeField()),
                ("until", models.DateTimeField()),
                ("started_at", models.DateTimeField()),
                ("finished_at", models.DateTimeField(null=True)),
                ("lines", models.PositiveIntegerField(default=0)),
                ("compared", models.PositiveIntegerField(default=0)),
                ("found", models.PositiveIntegerField(default=0, help_text="Differences that were not known before.")),
                ("error", models.TextField(blank=True)),
                (
                    "by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "permissions": [("run_reconciliation", "Can compare the books with a provider's")],
            },
        ),
        migrations.CreateModel(
            name="Withdrawal",
            fields=[
                ("id", models.UUIDField(default=promote.ids.new, editable=False, primary_key=True, serialize=False)),
                ("key", models.CharField(help_text="The caller's idempotency key.", max_length=255)),
                ("surface", models.CharField(max_length=8)),
                ("coins", models.PositiveIntegerField()),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("in_review", "Looked at by our staff"),
                            ("requested", "Requested"),
                            ("submitted", "On its way"),
                            ("succeeded", "Paid back"),
                            ("partly", "Partly paid back"),
                            ("failed", "Not paid back"),
                            ("refused", "Refused"),
                        ],
                        max_length=10,
                    ),
                ),
                ("requested_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="withdrawals", to="accounts.account"
                    ),
                ),
                (
                    "escrow",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="withdrawal",
                        to="payments.ledgeraccount",
                    ),
                ),
                (
                    "market",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="markets.market"
                    ),
                ),
            ],
            options={
                "permissions": [("review_withdrawal", "Can let a withdrawal go or refuse it")],
            },
        ),
        migrations.CreateModel(
            name="WithdrawalLeg",
            fields=[
                ("id", models.UUIDField(default=promote.ids.new, editable=False, primary_key=True, serialize=False)),
                ("seq", models.PositiveSmallIntegerField()),
                ("coins", models.PositiveIntegerField()),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "Not asked for yet"),
                            ("submitted", "On its way"),
                            ("succeeded", "Paid back"),
                            ("failed", "Came back"),
                        ],
                        default="waiting",
                        max_length=10,
                    ),
                ),
                ("failure", models.CharField(blank=True, max_length=255)),
                ("check_at", models.DateTimeField(help_text="When it is sent, or asked for, next.", null=True)),
                ("checks", models.PositiveSmallIntegerField(default=0)),
                (
                    "lot",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="legs", to="payments.lot"
                    ),
                ),
                (
                    "returned",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="leg", to="payments.paymentreturn"
                    ),
                ),
                (
                    "withdrawal",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="legs", to="payments.withdrawal"
                    ),
                ),
            ],
            options={
                "ordering": ["withdrawal", "seq"],
            },
        ),
        migrations.CreateModel(
            name="WithdrawalTransition",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("from_status", models.CharField(blank=True, max_length=10)),
                (
                    "to_status",
                    models.CharField(
                        choices=[
                            ("in_review", "Looked at by our staff"),
                            ("requested", "Requested"),
                            ("submitted", "On its way"),
                            ("succeeded", "Paid back"),
                            ("partly", "Partly paid back"),
                            ("failed", "Not paid back"),
                            ("refused", "Refused"),
                        ],
                        max_length=10,
                    ),
                ),
                ("why", models.CharField(max_length=500)),
                ("at", models.DateTimeField()),
                (
                    "by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "withdrawal",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="transitions",
                        to="payments.withdrawal",
                    ),
                ),
            ],
            options={
                "ordering": ["id"],
            },
        ),
        migrations.CreateModel(
            name="Adjustment",
            fields=[
                ("id", models.UUIDField(default=promote.ids.new, editable=False, primary_key=True, serialize=False)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("goodwill", "Goodwill: coins given to an account"),
                            ("correction", "Correction: coins given to an account, or taken from it"),
                            ("write_off", "Write-off: a debt in coins is forgiven"),
                            ("chargeback", "Chargeback: coins of a lot are taken back"),
                            ("books", "Books: money between two accounts of a currency"),
                        ],
                        max_length=12,
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("proposed", "Waits for a second person"),
                            ("approved", "Approved"),
                            ("refused", "Refused"),
                        ],
                        default="proposed",
                        max_length=10,
                    ),
                ),
                ("coins", models.IntegerField(help_text="Below zero: taken from the account.", null=True)),
                ("currency", models.CharField(blank=True, max_length=3)),
                (
                    "debit_code",
                    models.CharField(blank=True, help_text="The account that the money leaves.", max_length=64),
                ),
                ("credit_code", models.CharField(blank=True, help_text="The account that gets it.", max_length=64)),
                ("amount_minor", models.PositiveBigIntegerField(null=True)),
                ("reason", models.CharField(max_length=500)),
                ("proposed_at", models.DateTimeField()),
                ("decided_at", models.DateTimeField(null=True)),
                ("decision", models.CharField(blank=True, help_text="Why it was refused.", max_length=500)),
                (
                    "account",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="adjustments",
                        to="accounts.account",
                    ),
                ),
                (
                    "checker",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "journal",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="adjustment",
                        to="payments.journal",
                    ),
                ),
                (
                    "lot",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="adjustments",
                        to="payments.lot",
                    ),
                ),
                (
                    "maker",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "permissions": [
                    ("propose_adjustment", "Can propose an adjustment"),
                    ("decide_adjustment", "Can approve or refuse another's adjustment"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("checker", models.F("maker")), _negated=True), name="adjustment_by_two"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("reason", ""), _negated=True), name="adjustment_says_why"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("checker", None), ("decided_at", None), ("journal", None), ("state", "proposed")),
                            models.Q(
                                ("checker__isnull", False),
                                ("decided_at__isnull", False),
                                models.Q(
                                    models.Q(("journal__isnull", False), ("state", "approved")),
                                    models.Q(
                                        ("journal", None),
                                        ("state", "refused"),
                                        models.Q(("decision", ""), _negated=True),
                                    ),
                                    _connector="OR",
                                ),
                            ),
                            _connector="OR",
                        ),
                        name="adjustment_decided_once",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("coins__gt", 0),
                                ("kind__in", ["goodwill", "write_off"]),
                                ("lot", None),
                                ("account__isnull", False),
                            ),
                            models.Q(
                                ("account__isnull", False),
                                ("kind", "correction"),
                                ("lot", None),
                                models.Q(("coins", 0), _negated=True),
                            ),
                            models.Q(
                                ("account__isnull", False),
                                ("coins__gt", 0),
                                ("kind", "chargeback"),
                                ("lot__isnull", False),
                            ),
                            models.Q(
                                ("account", None),
                                ("amount_minor__gt", 0),
                                ("coins", None),
                                ("kind", "books"),
                                ("lot", None),
                                models.Q(("currency", ""), _negated=True),
                                models.Q(("debit_code", models.F("credit_code")), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="adjustment_of_its_kind",
                    ),
                ],
            },
        ),
        migrations.AddIndex(
            model_name="difference",
            index=models.Index(fields=["state", "-found_at"], name="difference_to_resolve"),
        ),
        migrations.AddConstraint(
            model_name="difference",
            constraint=models.UniqueConstraint(fields=("gateway", "kind", "subject"), name="difference_once"),
        ),
        migrations.AddConstraint(
            model_name="difference",
            constraint=models.CheckConstraint(
                condition=models.Q(("ours_minor__isnull", False), ("theirs_minor__isnull", False), _connector="OR"),
                name="difference_of_something",
            ),
        ),
        migrations.AddConstraint(
            model_name="differencenote",
            constraint=models.CheckConstraint(
                condition=models.Q(("reason", ""), _negated=True), name="difference_note_says_why"
            ),
        ),
        migrations.AddConstraint(
            model_name="differencenote",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("to_state", "resolved"), _negated=True), ("by__isnull", False), _connector="OR"
                ),
                name="difference_resolved_by_one",
            ),
        ),
        migrations.AddIndex(
            model_name="withdrawal",
            index=models.Index(fields=["account", "-requested_at", "-id"], name="withdrawal_of_account"),
        ),
        migrations.AddConstraint(
            model_name="withdrawal",
            constraint=models.UniqueConstraint(fields=("account", "key"), name="withdrawal_once_per_key"),
        ),
        migrations.AddConstraint(
            model_name="withdrawal",
            constraint=models.CheckConstraint(condition=models.Q(("coins__gt", 0)), name="withdrawal_of_coins"),
        ),
        migrations.AddIndex(
            model_name="withdrawalleg",
            index=models.Index(
                condition=models.Q(("check_at", None), _negated=True),
                fields=["check_at"],
                name="withdrawal_leg_to_check",
            ),
        ),
        migrations.AddConstraint(
            model_name="withdrawalleg",
            constraint=models.UniqueConstraint(fields=("withdrawal", "seq"), name="withdrawal_leg_in_order"),
        ),
        migrations.AddConstraint(
            model_name="withdrawalleg",
            constraint=models.UniqueConstraint(fields=("withdrawal", "lot"), name="withdrawal_leg_once_per_lot"),
        ),
        migrations.AddConstraint(
            model_name="withdrawalleg",
            constraint=models.CheckConstraint(condition=models.Q(("coins__gt", 0)), name="withdrawal_leg_of_coins"),
        ),
        SqlFile("payments/sql/0025_reconciliation.sql", undo="payments/sql/0025_reconciliation_undo.sql"),
        SqlFile("payments/sql/0026_adjustments.sql", undo="payments/sql/0026_adjustments_undo.sql"),
        SqlFile("payments/sql/0027_withdrawals.sql", undo="payments/sql/0027_withdrawals_undo.sql"),
    ]
