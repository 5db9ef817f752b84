"""The admin's first page counts notices that were given up, and payments made otherwise than asked, by an index.

Both tables are large and written to all the time, so neither is locked for it.
"""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("payments", "0038_tokens_by_digest")]

    operations = [
        AddIndexConcurrently(
            model_name="notice",
            index=models.Index(condition=models.Q(("state", "dead")), fields=["received_at"], name="notice_dead_since"),
        ),
        AddIndexConcurrently(
            model_name="topup",
            index=models.Index(
                condition=models.Q(("status", "pending"), models.Q(("problem", ""), _negated=True)),
                fields=["started_at"],
                name="top_up_needs_a_look",
            ),
        ),
    ]
