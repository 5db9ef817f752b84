"""What went back of a payment: refunds and disputes, summed on the top-up by a trigger."""

import django.db.models.deletion
import django.db.models.expressions
from django.db import migrations, models

import promote.ids
from promote.sqlfile import SqlFile


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_initial"),
        ("markets", "0002_launch_facts"),
        ("payments", "0007_references"),
    ]

    operations = [
        migrations.CreateModel(
            name="PaymentReturn",
            fields=[
                ("id", models.UUIDField(default=promote.ids.new, editable=False, primary_key=True, serialize=False)),
                (
                    "kind",
                    models.CharField(
                        choices=[("refund", "Refund"), ("dispute", "Dispute"), ("withdrawal", "Withdrawal")],
                        max_length=12,
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[("under_way", "Under way"), ("done", "Done"), ("undone", "Undone")], max_length=12
                    ),
                ),
                ("gateway", models.CharField(max_length=32)),
                ("provider_ref", models.CharField(blank=True, help_text="Its id at the provider.", max_length=255)),
                ("amount_minor", models.PositiveBigIntegerField()),
                ("currency", models.CharField(max_length=3)),
                ("coins", models.PositiveIntegerField(help_text="Of the payment's coins, those that went with it.")),
                ("why", models.CharField(blank=True, help_text="The provider's reason.", max_length=64)),
                ("noticed_at", models.DateTimeField()),
                ("done_at", models.DateTimeField(null=True)),
                ("undone_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.AddField(
            model_name="notice",
            name="payment_ref",
            field=models.CharField(blank=True, help_text="The payment of which money went back.", max_length=255),
        ),
        migrations.AddField(
            model_name="topup",
            name="disputed_minor",
            field=models.PositiveBigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="topup",
            name="refunded_minor",
            field=models.PositiveBigIntegerField(default=0, help_text="Kept by a trigger from its returns."),
        ),
        migrations.AddField(
            model_name="topup",
            name="withdrawn_minor",
            field=models.PositiveBigIntegerField(default=0),
        ),
        migrations.AddConstraint(
            model_name="topup",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "amount_minor__gte",
                        django.db.models.expressions.CombinedExpression(
                            django.db.models.expressions.CombinedExpression(
                                models.F("refunded_minor"), "+", models.F("disputed_minor")
                            ),
                            "+",
                            models.F("withdrawn_minor"),
                        ),
                    )
                ),
                name="top_up_returns_within_paid",
            ),
        ),
        migrations.AddConstraint(
            model_name="topup",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("status", "paid"),
                    models.Q(("disputed_minor", 0), ("refunded_minor", 0), ("withdrawn_minor", 0)),
                    _connector="OR",
                ),
                name="top_up_returns_of_paid",
            ),
        ),
        migrations.AddField(
            model_name="paymentreturn",
            name="top_up",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="returns", to="payments.topup"
            ),
        ),
        migrations.AddIndex(
            model_name="paymentreturn",
            index=models.Index(fields=["noticed_at"], name="return_by_time"),
        ),
        migrations.AddConstraint(
            model_name="paymentreturn",
            constraint=models.UniqueConstraint(
                condition=models.Q(("provider_ref", ""), _negated=True),
                fields=("gateway", "provider_ref"),
                name="return_once_per_provider_ref",
            ),
        ),
        migrations.AddConstraint(
            model_name="paymentreturn",
            constraint=models.CheckConstraint(condition=models.Q(("amount_minor__gt", 0)), name="return_positive"),
        ),
        migrations.AddConstraint(
            model_name="paymentreturn",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("done_at", None), ("state", "under_way"), ("undone_at", None)),
                    models.Q(("done_at__isnull", False), ("state", "done"), ("undone_at", None)),
                    models.Q(("state", "undone"), ("undone_at__isnull", False)),
                    _connector="OR",
                ),
                name="return_state_has_its_time",
            ),
        ),
        SqlFile("payments/sql/0024_returns.sql", undo="payments/sql/0024_returns_undo.sql"),
    ]
