"""Posting costs less: no guard is looked at more often than what it speaks of changes."""

from django.db import migrations

from promote.sqlfile import SqlFile


class Migration(migrations.Migration):
    dependencies = [("payments", "0005_blocks")]

    operations = [
        SqlFile("payments/sql/0021_lean_accounts.sql", undo="payments/sql/0021_lean_accounts_undo.sql"),
        SqlFile("payments/sql/0022_post.sql", undo="payments/sql/0022_post_undo.sql"),
    ]
