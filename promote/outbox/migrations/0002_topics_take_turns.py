from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("outbox", "0001_initial")]

    operations = [
        migrations.RemoveIndex(model_name="message", name="outbox_waiting"),
        migrations.AddIndex(
            model_name="message",
            index=models.Index(
                condition=models.Q(("dead", False), ("done_at", None)),
                fields=["topic", "id"],
                name="outbox_waiting_by_topic",
            ),
        ),
    ]
