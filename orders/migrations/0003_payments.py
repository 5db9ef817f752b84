"""Orders that are paid for in one step: the missing coins are bought, then the order is placed, once."""

import django.db.models.deletion
from django.db import migrations, models

import promote.ids
from promote.sqlfile import SqlFile


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_initial"),
        ("orders", "0002_payment_returned"),
        ("payments", "0011_answers"),
    ]

    operations = [
        migrations.CreateModel(
            name="OrderPayment",
            fields=[
                ("id", models.UUIDField(default=promote.ids.new, editable=False, primary_key=True, serialize=False)),
                (
                    "key",
                    models.CharField(help_text="The caller's idempotency key, and then the order's.", max_length=255),
                ),
                ("quote", models.TextField(help_text="Sealed, as it was when it was taken up.")),
                ("target", models.CharField(max_length=64)),
                ("title", models.CharField(max_length=300)),
                ("app_platform", models.CharField(blank=True, max_length=8)),
                ("app_version", models.CharField(blank=True, max_length=32)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "Waiting for the payment"),
                            ("placed", "Placed"),
                            ("not_placed", "Paid, but not placed"),
                        ],
                        default="waiting",
                        max_length=12,
                    ),
                ),
                ("code", models.CharField(blank=True, help_text="Why it could not be placed.", max_length=64)),
                ("reason", models.CharField(blank=True, help_text="The same, as its owner was told.", max_length=500)),
                ("started_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="order_payments",
                        to="accounts.account",
                    ),
                ),
                (
                    "order",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="payment",
                        to="orders.order",
                    ),
                ),
                (
                    "top_up",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="order_payment", to="payments.topup"
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["account", "-started_at"], name="order_payment_of_account")],
                "constraints": [
                    models.UniqueConstraint(fields=("account", "key"), name="order_payment_once_per_key"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("code", ""), ("ended_at", None), ("order", None), ("state", "waiting")),
                            models.Q(
                                ("code", ""), ("ended_at__isnull", False), ("order__isnull", False), ("state", "placed")
                            ),
                            models.Q(
                                ("ended_at__isnull", False),
                                ("order", None),
                                ("state", "not_placed"),
                                models.Q(("code", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="order_payment_decided_once",
                    ),
                ],
            },
        ),
        SqlFile("orders/sql/0002_payments.sql", undo="orders/sql/0002_payments_undo.sql"),
    ]
