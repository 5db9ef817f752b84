"""A series of documents gives many numbers at once, each of which must stand on a document at commit."""

from django.db import migrations

from promote.sqlfile import SqlFile


class Migration(migrations.Migration):
    dependencies = [("payments", "0016_journal_lookups")]

    operations = [SqlFile("payments/sql/0037_numbers.sql", undo="payments/sql/0037_numbers_undo.sql")]
