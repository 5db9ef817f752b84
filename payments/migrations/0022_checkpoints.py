"""Checkpoints are made by the database alone."""

from django.db import migrations

from promote.sqlfile import SqlFile


class Migration(migrations.Migration):
    dependencies = [
        ("payments", "0021_parts_that_came_back"),
    ]

    operations = [
        SqlFile("payments/sql/0052_checkpoints.sql", undo="payments/sql/0052_checkpoints_undo.sql"),
    ]
