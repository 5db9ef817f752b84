"""Posting looks each account up once and locks it once; what a transfer must be is asked by the trigger that moves it."""

from django.db import migrations

from promote.sqlfile import SqlFile


class Migration(migrations.Migration):
    dependencies = [("payments", "0018_funding")]

    operations = [SqlFile("payments/sql/0051_posting.sql", undo="payments/sql/0051_posting_undo.sql")]
