"""Returns and chargebacks together take no more of a lot than it had."""

from django.db import migrations

from promote.sqlfile import SqlFile


class Migration(migrations.Migration):
    dependencies = [("payments", "0027_keys")]

    operations = [SqlFile("payments/sql/0056_taken_once.sql", undo="payments/sql/0056_taken_once_undo.sql")]
