"""How long a payer has, and which providers want a phone number: facts of a method, in each market its own."""

import django.core.validators
from django.db import migrations, models

A_DAY_S = 86_400
TRANSFERS = ("doku_bank_transfer", "2c2p_bank_transfer")


def forwards(apps, schema_editor):
    methods = apps.get_model("markets", "PaymentMethod").objects.using(schema_editor.connection.alias)
    methods.filter(code__in=TRANSFERS).update(life_s=A_DAY_S)
    methods.filter(code="ovo").update(asks_phone=True)


class Migration(migrations.Migration):
    dependencies = [("markets", "0003_withdrawals")]
    operations = [
        migrations.AddField(
            model_name="paymentmethod",
            name="life_s",
            field=models.PositiveIntegerField(
                default=3600,
                help_text="How long a payer has to pay, in seconds: 1800 to 86400.",
                validators=[
                    django.core.validators.MinValueValidator(1800),
                    django.core.validators.MaxValueValidator(86400),
                ],
            ),
        ),
        migrations.AddField(
            model_name="paymentmethod",
            name="asks_phone",
            field=models.BooleanField(default=False, help_text="The provider wants the payer's phone number."),
        ),
        migrations.AddConstraint(
            model_name="paymentmethod",
            constraint=models.CheckConstraint(
                condition=models.Q(("life_s__gte", 1800), ("life_s__lte", 86400)),
                name="payment_method_life_within_a_day",
            ),
        ),
        migrations.RunPython(forwards, migrations.RunPython.noop),
    ]
