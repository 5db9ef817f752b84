"""Tax rates from a day on, and which markets' documents carry an electronic invoice (issue: GB, DE, FR, IT, ES, PL)."""

import django.core.validators
import django.db.models.deletion
from django.db import migrations, models

FACTUR_X = ("GB", "DE", "FR", "IT", "ES", "PL")


def forwards(apps, schema_editor):
    markets = apps.get_model("markets", "Market").objects.using(schema_editor.connection.alias)
    markets.filter(code__in=FACTUR_X).update(e_invoice="factur-x")


class Migration(migrations.Migration):
    dependencies = [("markets", "0007_products")]
    operations = [
        migrations.AlterField(
            model_name="market",
            name="tax_percent",
            field=models.DecimalField(
                decimal_places=2, help_text="Until the first of the tax rates below begins.", max_digits=5
            ),
        ),
        migrations.AddField(
            model_name="market",
            name="e_invoice",
            field=models.CharField(
                blank=True,
                choices=[("factur-x", "Factur-X (EN 16931)")],
                default="",
                help_text="The electronic invoice within the PDF of documents that have tax rows. Empty: none.",
                max_length=16,
            ),
            preserve_default=False,
        ),
        migrations.CreateModel(
            name="TaxRate",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "valid_from",
                    models.DateField(help_text="From this day's first minute, in the market's zone."),
                ),
                ("name", models.CharField(max_length=32)),
                (
                    "percent",
                    models.DecimalField(
                        decimal_places=2,
                        max_digits=5,
                        validators=[
                            django.core.validators.MinValueValidator(0),
                            django.core.validators.MaxValueValidator(99),
                        ],
                    ),
                ),
                (
                    "market",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="tax_rates", to="markets.market"
                    ),
                ),
            ],
            options={
                "ordering": ["market", "valid_from"],
                "constraints": [
                    models.UniqueConstraint(fields=("market", "valid_from"), name="tax_rate_once_a_day"),
                    models.CheckConstraint(
                        condition=models.Q(("percent__gte", 0), ("percent__lt", 100)), name="tax_rate_percent"
                    ),
                ],
            },
        ),
        migrations.RunPython(forwards, migrations.RunPython.noop),
    ]
