from django.db import migrations, models

from promote.sqlfile import SqlFile


class Migration(migrations.Migration):
    dependencies = [("delivery", "0012_unbilled_of_no_order")]

    operations = [
        migrations.CreateModel(
            name="SweptHour",
            fields=[
                ("hour", models.DateTimeField(primary_key=True, serialize=False)),
                ("at", models.DateTimeField()),
            ],
            options={"db_table": "delivery_swept_hour"},
        ),
        SqlFile("delivery/sql/0013_charge_returns.sql", undo="delivery/sql/0013_charge_returns_undo.sql"),
    ]
