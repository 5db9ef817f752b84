"""A store's product is one pack of a market's platform: what was bought must say how many coins it brings."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("markets", "0006_transfers")]
    operations = [
        migrations.AddConstraint(
            model_name="coinpack",
            constraint=models.UniqueConstraint(
                condition=models.Q(("product_id", ""), _negated=True),
                fields=("market", "surface", "product_id"),
                name="coin_pack_product_once",
            ),
        ),
    ]
