"""A transfer to our own bank has three days, and goes back to its payer's account in a few."""

import django.core.validators
from django.db import migrations, models


def forwards(apps, schema_editor):
    methods = apps.get_model("markets", "PaymentMethod").objects.using(schema_editor.connection.alias)
    methods.filter(gateway="bank_transfer").update(life_s=259_200, refund_from_days=1, refund_to_days=5)


class Migration(migrations.Migration):
    dependencies = [("markets", "0005_money_limits")]
    operations = [
        migrations.RemoveConstraint(model_name="paymentmethod", name="payment_method_life_within_a_day"),
        migrations.AlterField(
            model_name="paymentmethod",
            name="life_s",
            field=models.PositiveIntegerField(
                default=3600,
                help_text=(
                    "How long a payer has to pay, in seconds: 1800 to 86400; a transfer to our own bank up to 604800."
                ),
                validators=[
                    django.core.validators.MinValueValidator(1800),
                    django.core.validators.MaxValueValidator(604800),
                ],
            ),
        ),
        migrations.AddConstraint(
            model_name="paymentmethod",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("life_s__gte", 1800),
                    models.Q(
                        ("life_s__lte", 86400),
                        models.Q(("gateway", "bank_transfer"), ("life_s__lte", 604800)),
                        _connector="OR",
                    ),
                ),
                name="payment_method_life_within_a_day",
            ),
        ),
        migrations.RunPython(forwards, migrations.RunPython.noop),
    ]
