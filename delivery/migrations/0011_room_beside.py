from django.db import migrations

FILLED_TO = {"delivery_hour_rollup": 45, "delivery_pacing_state": 45, "delivery_minute_rollup": 70}
"""Minutes are many, and written for a minute only: less room is lost for good."""


class Migration(migrations.Migration):
    """Rows that are written again twice a second, all of a page at once: with room for their next versions beside them
    no index is touched and no page is added."""

    dependencies = [("delivery", "0010_pacer")]

    operations = [
        migrations.RunSQL(
            f"ALTER TABLE {table} SET (fillfactor = {percent})", f"ALTER TABLE {table} RESET (fillfactor)"
        )
        for table, percent in FILLED_TO.items()
    ]
