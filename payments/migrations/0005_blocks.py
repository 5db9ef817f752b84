"""Sealed history: blocks of transfers and journals, each with the hash of the one before."""

from django.db import migrations, models

import payments.models.ledger
from promote.sqlfile import SqlFile


class Migration(migrations.Migration):
    dependencies = [
        ("payments", "0004_guards"),
    ]

    operations = [
        SqlFile("payments/sql/0020_blocks.sql", undo="payments/sql/0020_blocks_undo.sql"),
        migrations.CreateModel(
            name="Block",
            fields=[
                ("number", models.BigIntegerField(primary_key=True, serialize=False)),
                ("from_xid", payments.models.ledger.Xid8Field()),
                ("up_to", payments.models.ledger.Xid8Field()),
                ("transfers", models.IntegerField()),
                ("journals", models.IntegerField()),
                ("sealed_at", models.DateTimeField()),
                ("hash", models.BinaryField()),
            ],
            options={
                "db_table": "payments_block",
                "managed": False,
            },
        ),
    ]
