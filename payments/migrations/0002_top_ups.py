"""Top-ups with their history, and the notices of payment providers."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import promote.ids
from promote.sqlfile import SqlFile


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_initial"),
        ("markets", "0002_launch_facts"),
        ("payments", "0001_ledger"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Notice",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("gateway", models.CharField(max_length=32)),
                ("event_id", models.CharField(help_text="The provider's id of the event.", max_length=255)),
                ("kind", models.CharField(max_length=96)),
                ("provider_ref", models.CharField(blank=True, max_length=255)),
                (
                    "reference",
                    models.CharField(blank=True, help_text="Our own id, as the provider repeats it.", max_length=255),
                ),
                ("raw", models.BinaryField()),
                ("headers", models.JSONField()),
                ("received_at", models.DateTimeField()),
                ("times_received", models.PositiveIntegerField(default=1)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "Waiting"),
                            ("done", "Done"),
                            ("ignored", "Not about us"),
                            ("dead", "Given up"),
                        ],
                        default="waiting",
                        max_length=8,
                    ),
                ),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("try_at", models.DateTimeField()),
                ("done_at", models.DateTimeField(null=True)),
                ("error", models.TextField(blank=True)),
            ],
            options={
                "indexes": [
                    models.Index(condition=models.Q(("state", "waiting")), fields=["try_at"], name="notice_waiting")
                ],
                "constraints": [models.UniqueConstraint(fields=("gateway", "event_id"), name="notice_once_per_event")],
            },
        ),
        migrations.CreateModel(
            name="TopUp",
            fields=[
                ("id", models.UUIDField(default=promote.ids.new, editable=False, primary_key=True, serialize=False)),
                ("key", models.CharField(help_text="The caller's idempotency key.", max_length=255)),
                ("method", models.CharField(max_length=32)),
                ("gateway", models.CharField(max_length=32)),
                ("surface", models.CharField(max_length=8)),
                ("coins", models.PositiveIntegerField()),
                ("amount_minor", models.PositiveBigIntegerField(help_text="What is paid, tax included.")),
                ("currency", models.CharField(max_length=3)),
                ("exponent", models.PositiveSmallIntegerField()),
                ("tax_name", models.CharField(max_length=32)),
                ("tax_percent", models.DecimalField(decimal_places=2, max_digits=5)),
                ("tax_minor", models.PositiveBigIntegerField(help_text="The tax that the amount includes.")),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("pending", "Waiting for the payment"),
                            ("paid", "Paid"),
                            ("failed", "Failed"),
                            ("expired", "Not paid in time"),
                        ],
                        default="pending",
                        max_length=8,
                    ),
                ),
                ("redirect_url", models.CharField(blank=True, help_text="Where the payer pays.", max_length=2000)),
                (
                    "provider_ref",
                    models.CharField(blank=True, help_text="The payment page's id at the provider.", max_length=255),
                ),
                (
                    "payment_ref",
                    models.CharField(blank=True, help_text="The payment's id at the provider.", max_length=255),
                ),
                ("started_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField(help_text="The provider's page closes then.")),
                ("paid_at", models.DateTimeField(null=True)),
                (
                    "ended_at",
                    models.DateTimeField(help_text="When its status became final, or failed or expired.", null=True),
                ),
                (
                    "check_at",
                    models.DateTimeField(help_text="When we ask the provider next, if it has not told us.", null=True),
                ),
                ("checks", models.PositiveSmallIntegerField(default=0)),
                (
                    "problem",
                    models.TextField(blank=True, help_text="Why a payment could not be credited; for ops to look at."),
                ),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="top_ups", to="accounts.account"
                    ),
                ),
                (
                    "market",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="markets.market"
                    ),
                ),
                (
                    "pack",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to="markets.coinpack"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="TopUpTransition",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("from_status", models.CharField(blank=True, max_length=8)),
                (
                    "to_status",
                    models.CharField(
                        choices=[
                            ("pending", "Waiting for the payment"),
                            ("paid", "Paid"),
                            ("failed", "Failed"),
                            ("expired", "Not paid in time"),
                        ],
                        max_length=8,
                    ),
                ),
                ("why", models.CharField(max_length=64)),
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
                    "top_up",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="transitions", to="payments.topup"
                    ),
                ),
            ],
            options={
                "ordering": ["id"],
            },
        ),
        migrations.AddIndex(
            model_name="topup",
            index=models.Index(
                condition=models.Q(("check_at", None), _negated=True), fields=["check_at"], name="top_up_to_check"
            ),
        ),
        migrations.AddIndex(
            model_name="topup",
            index=models.Index(fields=["account", "-started_at", "-id"], name="top_up_of_account"),
        ),
        migrations.AddConstraint(
            model_name="topup",
            constraint=models.UniqueConstraint(fields=("account", "key"), name="top_up_once_per_key"),
        ),
        migrations.AddConstraint(
            model_name="topup",
            constraint=models.UniqueConstraint(
                condition=models.Q(("provider_ref", ""), _negated=True),
                fields=("gateway", "provider_ref"),
                name="top_up_once_per_page",
            ),
        ),
        migrations.AddConstraint(
            model_name="topup",
            constraint=models.UniqueConstraint(
                condition=models.Q(("payment_ref", ""), _negated=True),
                fields=("gateway", "payment_ref"),
                name="top_up_once_per_payment",
            ),
        ),
        migrations.AddConstraint(
            model_name="topup",
            constraint=models.CheckConstraint(
                condition=models.Q(("amount_minor__gt", 0), ("coins__gt", 0)), name="top_up_positive"
            ),
        ),
        migrations.AddConstraint(
            model_name="topup",
            constraint=models.CheckConstraint(
                condition=models.Q(("tax_minor__lt", models.F("amount_minor"))), name="top_up_tax_within"
            ),
        ),
        migrations.AddConstraint(
            model_name="topup",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("paid_at__isnull", False), ("status", "paid")),
                    models.Q(models.Q(("status", "paid"), _negated=True), ("paid_at", None)),
                    _connector="OR",
                ),
                name="top_up_paid_has_its_time",
            ),
        ),
        SqlFile("payments/sql/0010_top_ups.sql", undo="payments/sql/0010_top_ups_undo.sql"),
    ]
