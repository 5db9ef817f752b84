"""An order is written a dozen times in its life: it keeps the indexes that something looks it up by."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_initial"),
        ("catalogue", "0002_former_accounts"),
        ("coupons", "0001_initial"),
        ("markets", "0004_ways_to_pay"),
        ("orders", "0003_payments"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterField(
            model_name="order",
            name="account",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="orders",
                to="accounts.account",
            ),
        ),
        migrations.AlterField(
            model_name="order",
            name="live",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="orders",
                to="catalogue.liveroom",
            ),
        ),
        migrations.AlterField(
            model_name="order",
            name="market",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="markets.market"
            ),
        ),
        migrations.AlterField(
            model_name="order",
            name="offer",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="orders",
                to="coupons.offer",
            ),
        ),
        migrations.AlterField(
            model_name="order",
            name="product",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="orders",
                to="catalogue.product",
            ),
        ),
        migrations.AlterField(
            model_name="order",
            name="video",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="orders",
                to="catalogue.video",
            ),
        ),
        migrations.AlterField(
            model_name="ordertransition",
            name="by",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddIndex(
            model_name="order",
            index=models.Index(condition=models.Q(("video__isnull", False)), fields=["video"], name="order_of_video"),
        ),
        migrations.AddIndex(
            model_name="order",
            index=models.Index(condition=models.Q(("live__isnull", False)), fields=["live"], name="order_of_live"),
        ),
        migrations.AddIndex(
            model_name="order",
            index=models.Index(condition=models.Q(("offer__isnull", False)), fields=["offer"], name="order_of_offer"),
        ),
        migrations.AddIndex(
            model_name="ordertransition",
            index=models.Index(condition=models.Q(("by__isnull", False)), fields=["by"], name="order_history_by"),
        ),
    ]
