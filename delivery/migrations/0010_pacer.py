import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("delivery", "0009_lost_entries")]

    operations = [
        migrations.CreateModel(
            name="Pacer",
            fields=[
                (
                    "shard",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        serialize=False,
                        to="delivery.shard",
                    ),
                ),
                ("epoch", models.PositiveBigIntegerField(default=0)),
                ("until", models.DateTimeField(blank=True, null=True)),
                (
                    "backlog",
                    models.PositiveBigIntegerField(default=0, help_text="Entries in its stream when last looked."),
                ),
            ],
            options={"db_table": "delivery_pacer"},
        ),
        migrations.RunSQL(
            "INSERT INTO delivery_pacer (shard_id, epoch, until, backlog) "
            "SELECT id, pacer_epoch, pacer_until, backlog FROM delivery_shard",
            "UPDATE delivery_shard s SET pacer_epoch = p.epoch, pacer_until = p.until, backlog = p.backlog "
            "FROM delivery_pacer p WHERE p.shard_id = s.id",
        ),
        migrations.RemoveField(model_name="shard", name="pacer_epoch"),
        migrations.RemoveField(model_name="shard", name="pacer_until"),
        migrations.RemoveField(model_name="shard", name="backlog"),
    ]
