"""Money that we take ourselves is asked for under a mark that who cancels sees."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("payments", "0039_dead_and_differing"),
    ]

    operations = [
        migrations.AlterField(
            model_name="topup",
            name="asked_at",
            field=models.DateTimeField(help_text="When the provider was last asked to take the money.", null=True),
        ),
    ]
