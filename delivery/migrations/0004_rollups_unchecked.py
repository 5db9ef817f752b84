import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """Rollups name orders that the drain has just locked: asking for each of them again is a lookup a row."""

    dependencies = [("delivery", "0003_clicks")]

    operations = [
        migrations.AlterField(
            model_name=name,
            name="order",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="orders.order",
            ),
        )
        for name in ("minuterollup", "hourrollup")
    ]
