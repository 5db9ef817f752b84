"""A message can be recorded by the function of a room above, in one call with that room's own rows."""

from django.db import migrations

from promote.sqlfile import SqlFile


class Migration(migrations.Migration):
    dependencies = [("outbox", "0002_topics_take_turns")]

    operations = [SqlFile("promote/outbox/sql/0001_record.sql", undo="promote/outbox/sql/0001_record_undo.sql")]
