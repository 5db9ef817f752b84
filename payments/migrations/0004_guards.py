"""The guard of an account follows from its kind; lots, gifts and checkpoints stay as they were written."""

from django.db import migrations

from promote.sqlfile import SqlFile


class Migration(migrations.Migration):
    dependencies = [("payments", "0003_invoices")]

    operations = [SqlFile("payments/sql/0004_guards.sql", undo="payments/sql/0004_guards_undo.sql")]
