"""The accounts of a transfer are checked by the trigger that moves their balances, all rows at once."""

from django.db import migrations

from promote.sqlfile import SqlFile


class Migration(migrations.Migration):
    dependencies = [("payments", "0006_posting")]

    operations = [SqlFile("payments/sql/0023_references.sql", undo="payments/sql/0023_references_undo.sql")]
