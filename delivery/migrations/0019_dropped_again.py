from django.db import migrations

from promote.sqlfile import SqlFile


class Migration(migrations.Migration):
    dependencies = [("delivery", "0018_reasons_in_words")]

    operations = [
        SqlFile("delivery/sql/0082_dropped_again.sql", undo="delivery/sql/0082_dropped_again_undo.sql"),
    ]
