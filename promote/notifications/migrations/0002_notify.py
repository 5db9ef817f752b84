"""An account can be told by the function of a room above, in one call with that room's own rows."""

from django.db import migrations

from promote.sqlfile import SqlFile


class Migration(migrations.Migration):
    dependencies = [("notifications", "0001_initial")]

    operations = [
        SqlFile("promote/notifications/sql/0001_notify.sql", undo="promote/notifications/sql/0001_notify_undo.sql")
    ]
