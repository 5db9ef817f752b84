"""A payment becomes coins in one call."""

from django.db import migrations

from promote.sqlfile import SqlFile


class Migration(migrations.Migration):
    dependencies = [
        ("payments", "0023_early_returns"),
        ("notifications", "0002_notify"),
        ("outbox", "0003_record"),
    ]

    operations = [SqlFile("payments/sql/0053_crediting.sql", undo="payments/sql/0053_crediting_undo.sql")]
