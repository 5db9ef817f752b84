import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("delivery", "0011_room_beside")]

    operations = [
        migrations.RemoveConstraint(model_name="unbilledhour", name="unbilled_once"),
        migrations.AlterField(
            model_name="unbilledhour",
            name="order",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="orders.order",
            ),
        ),
        migrations.AddConstraint(
            model_name="unbilledhour",
            constraint=models.UniqueConstraint(
                fields=("order", "hour", "reason"), name="unbilled_once", nulls_distinct=False
            ),
        ),
    ]
