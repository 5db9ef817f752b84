"""Purchases that went over a limit and could not be refused."""

import django.db.models.deletion
from django.db import migrations, models

from promote.sqlfile import SqlFile


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_initial"),
        ("markets", "0005_money_limits"),
        ("payments", "0011_answers"),
    ]

    operations = [
        migrations.CreateModel(
            name="LimitPassed",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("limit", models.CharField(max_length=32)),
                ("most", models.PositiveIntegerField()),
                (
                    "coins",
                    models.PositiveBigIntegerField(help_text="Bought in the limit's window, this purchase included."),
                ),
                ("at", models.DateTimeField()),
                ("seen_at", models.DateTimeField(null=True)),
                ("note", models.CharField(blank=True, help_text="What our staff found.", max_length=500)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="limits_passed", to="accounts.account"
                    ),
                ),
                (
                    "seen_by",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.user"
                    ),
                ),
                (
                    "top_up",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="limit_passed", to="payments.topup"
                    ),
                ),
            ],
            options={
                "verbose_name": "purchase over a limit",
                "verbose_name_plural": "purchases over a limit",
                "permissions": [("look_at_limitpassed", "Can say what came of a purchase over a limit")],
                "indexes": [
                    models.Index(condition=models.Q(("seen_at", None)), fields=["at"], name="limit_passed_to_look_at")
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("note", ""), ("seen_at", None), ("seen_by", None)),
                            models.Q(
                                ("seen_at__isnull", False),
                                ("seen_by__isnull", False),
                                models.Q(("note", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="limit_passed_seen_by_one",
                    )
                ],
            },
        ),
        SqlFile("payments/sql/0033_limits.sql", undo="payments/sql/0033_limits_undo.sql"),
    ]
