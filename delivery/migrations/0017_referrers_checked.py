from django.db import migrations

from promote.sqlfile import SqlFile


class Migration(migrations.Migration):
    dependencies = [("delivery", "0016_staff_and_referrers")]

    operations = [
        SqlFile("delivery/sql/0081_referrers_checked.sql", undo="delivery/sql/0081_referrers_checked_undo.sql"),
    ]
