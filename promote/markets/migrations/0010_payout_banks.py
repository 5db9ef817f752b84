"""Transfers that a provider took can go back to an account that is named: the banks of ID and TH, and how long it takes.

The days are what banks usually say (payments.md 6: general knowledge); ops edits them.
"""

import json
from pathlib import Path

import django.core.validators
import django.db.models.deletion
from django.db import migrations, models

DAYS = {"doku_bank_transfer": (1, 5), "2c2p_bank_transfer": (3, 10)}
BANKS = Path(__file__).parent.parent / "data" / "banks.json"


def forwards(apps, schema_editor):
    alias = schema_editor.connection.alias
    methods = apps.get_model("markets", "PaymentMethod").objects.using(alias)
    for code, (from_days, to_days) in DAYS.items():
        methods.filter(code=code, refund_to_days=None).update(refund_from_days=from_days, refund_to_days=to_days)
    known, model = json.loads(BANKS.read_text()), apps.get_model("markets", "PayoutBank")
    markets = apps.get_model("markets", "Market").objects.using(alias).filter(code__in=known)
    model.objects.using(alias).bulk_create(
        model(market=market, code=code, name=name, min_digits=least, max_digits=most)
        for market in markets
        for code, name, least, most in known[market.code]
    )


def backwards(apps, schema_editor):
    methods = apps.get_model("markets", "PaymentMethod").objects.using(schema_editor.connection.alias)
    methods.filter(code__in=DAYS).update(refund_from_days=None, refund_to_days=None)


class Migration(migrations.Migration):
    dependencies = [("markets", "0009_tax_rates_end")]

    operations = [
        migrations.CreateModel(
            name="PayoutBank",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "code",
                    models.CharField(
                        help_text="As the market's banks and payment providers know it: 014.",
                        max_length=10,
                        validators=[
                            django.core.validators.RegexValidator("^[0-9A-Z]+$", "Digits and capital letters.")
                        ],
                    ),
                ),
                ("name", models.CharField(max_length=80)),
                (
                    "min_digits",
                    models.PositiveSmallIntegerField(default=6, help_text="The shortest of its account numbers."),
                ),
                (
                    "max_digits",
                    models.PositiveSmallIntegerField(default=20, help_text="The longest of its account numbers."),
                ),
                ("enabled", models.BooleanField(default=True)),
                (
                    "market",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="payout_banks", to="markets.market"
                    ),
                ),
            ],
            options={
                "ordering": ["market", "name"],
                "constraints": [
                    models.UniqueConstraint(fields=("market", "code"), name="payout_bank_once_a_market"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("min_digits__gte", 4),
                            ("min_digits__lte", models.F("max_digits")),
                            ("max_digits__lte", 25),
                        ),
                        name="payout_bank_digits",
                    ),
                ],
            },
        ),
        migrations.RunPython(forwards, backwards),
    ]
