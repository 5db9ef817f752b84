"""What ops types into a market is refused where it could not be used: time zones, surfaces, providers, amounts."""

import django.core.validators
from django.db import migrations, models

import promote.markets.shapes


class Migration(migrations.Migration):
    dependencies = [
        ("markets", "0010_payout_banks"),
    ]

    operations = [
        migrations.AlterField(
            model_name="market",
            name="currency",
            field=models.CharField(max_length=3, validators=[promote.markets.shapes.currency]),
        ),
        migrations.AlterField(
            model_name="market",
            name="time_zone",
            field=models.CharField(max_length=64, validators=[promote.markets.shapes.time_zone]),
        ),
        migrations.AlterField(
            model_name="market",
            name="withdrawal_surfaces",
            field=models.JSONField(
                blank=True,
                help_text="Where withdrawals are offered: android, web. Empty: nowhere.",
                validators=[promote.markets.shapes.ListOf("android", "web")],
            ),
        ),
        migrations.AlterField(
            model_name="paymentmethod",
            name="gateway",
            field=models.CharField(
                help_text="The registered gateway that carries it.",
                max_length=32,
                validators=[promote.markets.shapes.provider],
            ),
        ),
        migrations.AlterField(
            model_name="paymentmethod",
            name="refund_url",
            field=models.CharField(
                blank=True,
                help_text="Where a store takes the request for a refund.",
                max_length=500,
                validators=[django.core.validators.URLValidator(schemes=["https"])],
            ),
        ),
        migrations.AlterField(
            model_name="paymentmethod",
            name="surfaces",
            field=models.JSONField(
                help_text="ios, android, web.", validators=[promote.markets.shapes.ListOf("ios", "android", "web")]
            ),
        ),
        migrations.AddConstraint(
            model_name="paymentmethod",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("min_minor", None), ("max_minor", None), ("min_minor__lte", models.F("max_minor")), _connector="OR"
                ),
                name="payment_method_least_within_most",
            ),
        ),
    ]
