"""An order gets coins back at the price that it was told; what is told of their lot may run ahead of its share."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("payments", "0020_saved_cards"),
    ]

    operations = [
        migrations.AddField(
            model_name="lotuse",
            name="ahead_minor",
            field=models.BigIntegerField(
                default=0,
                help_text="By how much more is told of the lot, this part included, than its share of the price.",
            ),
        ),
        migrations.AddField(
            model_name="lotuse",
            name="ahead_tax_minor",
            field=models.BigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="lotuse",
            name="back_of",
            field=models.CharField(blank=True, help_text="The ref of the part that came back.", max_length=96),
        ),
    ]
