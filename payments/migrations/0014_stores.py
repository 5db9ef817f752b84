"""Purchases in the stores: told to the store once delivered, and with ids as long as Google's tokens."""

from django.db import migrations, models

from promote.sqlfile import SqlFile


class Migration(migrations.Migration):
    dependencies = [("payments", "0013_bank")]

    operations = [
        migrations.AlterField(
            model_name="notice",
            name="provider_ref",
            field=models.CharField(blank=True, max_length=1000),
        ),
        migrations.AlterField(
            model_name="notice",
            name="about",
            field=models.CharField(
                blank=True, default="payment", help_text="payment, return, use, warning or nothing.", max_length=16
            ),
        ),
        migrations.AlterField(
            model_name="topup",
            name="provider_ref",
            field=models.CharField(
                blank=True, help_text="The id of the payment page, or of a store's purchase.", max_length=1000
            ),
        ),
        migrations.AddField(
            model_name="topup",
            name="finish_at",
            field=models.DateTimeField(
                help_text="When we tell the store next that its purchase was delivered; empty: told, or no need.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="topup",
            name="shares_use",
            field=models.BooleanField(
                default=False, help_text="The buyer lets us tell the store how much of it was used."
            ),
        ),
        migrations.AddIndex(
            model_name="topup",
            index=models.Index(
                condition=models.Q(("finish_at", None), _negated=True), fields=["finish_at"], name="top_up_to_finish"
            ),
        ),
        SqlFile("payments/sql/0028_store_prices.sql", undo="payments/sql/0028_store_prices_undo.sql"),
    ]
