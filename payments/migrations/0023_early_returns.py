"""Notices of money that went back of a payment that was not known yet are found by that payment."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("payments", "0022_checkpoints")]
    operations = [
        migrations.AddIndex(
            model_name="notice",
            index=models.Index(
                condition=models.Q(("about", "return"), ("state", "ignored")),
                fields=["gateway", "payment_ref"],
                name="notice_of_no_payment_yet",
            ),
        ),
    ]
