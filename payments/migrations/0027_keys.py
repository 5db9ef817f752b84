"""A key that comes again with other contents is an error of the database's own."""

from django.db import migrations

from promote.sqlfile import SqlFile


class Migration(migrations.Migration):
    dependencies = [("payments", "0026_clearing_differences")]

    operations = [SqlFile("payments/sql/0055_keys.sql", undo="payments/sql/0055_keys_undo.sql")]
