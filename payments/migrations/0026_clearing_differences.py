"""A clearing account that stays apart is a difference too."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("payments", "0025_resolved_says_why"),
    ]

    operations = [
        migrations.AlterField(
            model_name="difference",
            name="kind",
            field=models.CharField(
                choices=[
                    ("missing_here", "Paid there, not here"),
                    ("missing_there", "Here, not there"),
                    ("amount", "The amount differs"),
                    ("currency", "The currency differs"),
                    ("return_unknown", "Paid back there, not here"),
                    ("clearing", "The clearing account is apart"),
                ],
                max_length=16,
            ),
        ),
        migrations.AlterField(
            model_name="difference",
            name="subject",
            field=models.CharField(
                help_text="The provider's id of it; of a clearing account, since when.",
                max_length=255,
            ),
        ),
    ]
