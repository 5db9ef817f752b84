"""Until when a dispute has to be answered."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("payments", "0010_more_gateways"),
    ]

    operations = [
        migrations.AddField(
            model_name="paymentreturn",
            name="answer_by",
            field=models.DateTimeField(help_text="Until when a dispute has to be answered, while it has.", null=True),
        ),
    ]
