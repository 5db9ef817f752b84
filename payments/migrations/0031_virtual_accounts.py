"""The number of each transfer to a provider is its own, by the database."""

import django.db.models.deletion
from django.db import migrations, models

from promote.sqlfile import SqlFile


class Migration(migrations.Migration):
    dependencies = [
        ("payments", "0030_refused_notices"),
    ]

    operations = [
        migrations.CreateModel(
            name="VirtualAccount",
            fields=[
                (
                    "top_up",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="virtual_account",
                        serialize=False,
                        to="payments.topup",
                    ),
                ),
                ("number", models.BigIntegerField()),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("number",), name="virtual_account_of_one_payment"),
                    models.CheckConstraint(
                        condition=models.Q(("number__gte", 0), ("number__lt", 1000000000000)),
                        name="virtual_account_of_12_digits",
                    ),
                ],
            },
        ),
        SqlFile("payments/sql/0059_virtual_accounts.sql", undo="payments/sql/0059_virtual_accounts_undo.sql"),
    ]
