from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("delivery", "0007_retention")]

    operations = [
        migrations.CreateModel(
            name="PriceNode",
            fields=[
                ("key", models.CharField(max_length=80, primary_key=True, serialize=False)),
                ("charges", models.BigIntegerField()),
                ("micros", models.BigIntegerField(help_text="Of all of them.")),
                ("at", models.DateTimeField()),
            ],
            options={"db_table": "delivery_price_node"},
        ),
    ]
