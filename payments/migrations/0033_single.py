"""A single transfer is posted by one statement and moved by two; an account's guard is one CHECK."""

from django.db import migrations

from promote.sqlfile import SqlFile


class Migration(migrations.Migration):
    dependencies = [("payments", "0032_confirms_in_app")]

    operations = [SqlFile("payments/sql/0060_single.sql", undo="payments/sql/0060_single_undo.sql")]
