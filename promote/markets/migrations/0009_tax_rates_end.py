"""A tax rate has a last day too, and no two of a market share one. What stood until the next row ends the day before."""

from django.db import migrations, models

from promote.sqlfile import SqlFile


class Migration(migrations.Migration):
    dependencies = [("markets", "0008_tax_rates")]

    operations = [
        migrations.AddField(
            model_name="taxrate",
            name="valid_to",
            field=models.DateField(
                blank=True,
                help_text="To this day's last minute, in the market's zone. Empty: until further notice.",
                null=True,
            ),
        ),
        migrations.RemoveConstraint(model_name="taxrate", name="tax_rate_once_a_day"),
        migrations.AddConstraint(
            model_name="taxrate",
            constraint=models.CheckConstraint(
                condition=models.Q(("valid_to", None), ("valid_to__gte", models.F("valid_from")), _connector="OR"),
                name="tax_rate_ends_after_it_begins",
            ),
        ),
        SqlFile("promote/markets/sql/0009_tax_rates.sql", undo="promote/markets/sql/0009_tax_rates_undo.sql"),
    ]
