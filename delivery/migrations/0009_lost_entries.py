from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("delivery", "0008_prices")]

    operations = [
        migrations.AlterField(
            model_name="shard",
            name="lost_entries",
            field=models.PositiveBigIntegerField(
                default=0,
                help_text=(
                    "At least so many went with a lost Redis: they were seen waiting and never drained. What came "
                    "after the last look, half a second before at most, nobody can count."
                ),
            ),
        ),
    ]
