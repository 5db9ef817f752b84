import django.db.models.deletion
from django.db import migrations, models

from promote.sqlfile import SqlFile


class Migration(migrations.Migration):
    dependencies = [("delivery", "0006_invalid_charges")]

    operations = [
        migrations.CreateModel(
            name="DroppedDay",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("day", models.DateField()),
                ("impressions", models.BigIntegerField()),
                ("charges", models.BigIntegerField(help_text="Of the impressions, those that were billed.")),
                ("micros", models.BigIntegerField()),
                (
                    "order",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="orders.order",
                    ),
                ),
            ],
            options={
                "db_table": "delivery_dropped_day",
                "constraints": [models.UniqueConstraint(fields=("order", "day"), name="dropped_day_once")],
            },
        ),
        SqlFile("delivery/sql/0007_retention.sql", undo="delivery/sql/0007_retention_undo.sql"),
    ]
