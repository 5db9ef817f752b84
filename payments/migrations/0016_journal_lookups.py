"""The journal of a transfer is checked by the trigger that moves its balances, in the order of the accounts' ids."""

from django.db import migrations

from promote.sqlfile import SqlFile


class Migration(migrations.Migration):
    dependencies = [("payments", "0015_credit_notes")]

    operations = [SqlFile("payments/sql/0036_balances.sql", undo="payments/sql/0036_balances_undo.sql")]
