"""Finance resolves a difference with a reason: the database wants it too."""

from django.db import migrations

from promote.sqlfile import SqlFile


class Migration(migrations.Migration):
    dependencies = [
        ("payments", "0024_crediting"),
    ]

    operations = [
        SqlFile("payments/sql/0054_resolved_says_why.sql", undo="payments/sql/0054_resolved_says_why_undo.sql"),
    ]
