"""A payer of a saved card may answer their bank in the app itself."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("payments", "0031_virtual_accounts"),
    ]

    operations = [
        migrations.AddField(
            model_name="topup",
            name="confirms_in_app",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="The app has the provider's own form, where a saved card's holder answers their bank.",
            ),
        ),
    ]
