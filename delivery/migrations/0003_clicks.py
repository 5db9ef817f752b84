from django.db import migrations

from promote.sqlfile import SqlFile


class Migration(migrations.Migration):
    dependencies = [
        ("delivery", "0002_pacing_score"),
    ]

    operations = [
        SqlFile("delivery/sql/0003_clicks.sql", undo="delivery/sql/0003_clicks_undo.sql"),
    ]
