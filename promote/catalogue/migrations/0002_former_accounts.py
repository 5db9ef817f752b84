import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("catalogue", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="liveroom",
            name="former_account_ids",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.UUIDField(), blank=True, default=list, help_text="Whose it was before.", size=None
            ),
        ),
        migrations.AddField(
            model_name="video",
            name="former_account_ids",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.UUIDField(), blank=True, default=list, help_text="Whose it was before.", size=None
            ),
        ),
    ]
