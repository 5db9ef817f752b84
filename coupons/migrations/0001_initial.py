import django.core.validators
import django.db.models.deletion
import django.db.models.functions.text
from django.conf import settings
from django.db import migrations, models

import promote.ids


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("accounts", "0001_initial"),
        ("markets", "0002_launch_facts"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Campaign",
            fields=[
                ("kind", models.CharField(choices=[("voucher", "Voucher"), ("discount", "Discount")], max_length=16)),
                ("coins", models.PositiveIntegerField(blank=True, help_text="Of a voucher.", null=True)),
                (
                    "percent",
                    models.PositiveSmallIntegerField(
                        blank=True,
                        help_text="Of a discount.",
                        null=True,
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(100),
                        ],
                    ),
                ),
                (
                    "cap_coins",
                    models.PositiveIntegerField(blank=True, help_text="The most a discount takes off.", null=True),
                ),
                (
                    "min_cost_coins",
                    models.PositiveIntegerField(
                        blank=True,
                        help_text="The least an order must cost, where more than the coupon itself.",
                        null=True,
                    ),
                ),
                ("id", models.UUIDField(default=promote.ids.new, editable=False, primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=120, unique=True)),
                (
                    "code",
                    models.CharField(
                        blank=True, help_text="What people type to redeem it, in any case.", max_length=40
                    ),
                ),
                (
                    "max_offers",
                    models.PositiveIntegerField(blank=True, help_text="The most offers it grants.", null=True),
                ),
                (
                    "offer_days",
                    models.PositiveSmallIntegerField(
                        blank=True,
                        help_text="How long an offer holds once granted; never past the campaign's end.",
                        null=True,
                    ),
                ),
                ("starts_at", models.DateTimeField(blank=True, null=True)),
                ("ends_at", models.DateTimeField(blank=True, null=True)),
                ("ledger_account_id", models.BigIntegerField(editable=False, unique=True)),
                ("created_at", models.DateTimeField()),
                (
                    "created_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "market",
                    models.ForeignKey(
                        blank=True,
                        help_text="Empty: orders of every market.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="markets.market",
                    ),
                ),
            ],
            options={
                "permissions": [("fund_campaign", "Can fund campaigns"), ("grant_offer", "Can grant offers")],
            },
        ),
        migrations.CreateModel(
            name="Offer",
            fields=[
                ("kind", models.CharField(choices=[("voucher", "Voucher"), ("discount", "Discount")], max_length=16)),
                ("coins", models.PositiveIntegerField(blank=True, help_text="Of a voucher.", null=True)),
                (
                    "percent",
                    models.PositiveSmallIntegerField(
                        blank=True,
                        help_text="Of a discount.",
                        null=True,
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(100),
                        ],
                    ),
                ),
                (
                    "cap_coins",
                    models.PositiveIntegerField(blank=True, help_text="The most a discount takes off.", null=True),
                ),
                (
                    "min_cost_coins",
                    models.PositiveIntegerField(
                        blank=True,
                        help_text="The least an order must cost, where more than the coupon itself.",
                        null=True,
                    ),
                ),
                ("id", models.UUIDField(default=promote.ids.new, editable=False, primary_key=True, serialize=False)),
                (
                    "by_code",
                    models.BooleanField(default=False, help_text="Redeemed by its owner with the campaign's code."),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("available", "Available"),
                            ("in_use", "In use"),
                            ("used", "Used"),
                            ("expired", "Expired"),
                            ("revoked", "Revoked"),
                        ],
                        default="available",
                        max_length=16,
                    ),
                ),
                (
                    "order_ref",
                    models.CharField(blank=True, help_text="The order it is or was used for.", max_length=40),
                ),
                ("expires_at", models.DateTimeField(blank=True, null=True)),
                ("granted_at", models.DateTimeField()),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="offers", to="accounts.account"
                    ),
                ),
                (
                    "campaign",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="offers", to="coupons.campaign"
                    ),
                ),
            ],
            options={
                "permissions": [("revoke_offer", "Can revoke offers")],
            },
        ),
        migrations.CreateModel(
            name="OfferTransition",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("from_status", models.CharField(blank=True, max_length=16)),
                (
                    "to_status",
                    models.CharField(
                        choices=[
                            ("available", "Available"),
                            ("in_use", "In use"),
                            ("used", "Used"),
                            ("expired", "Expired"),
                            ("revoked", "Revoked"),
                        ],
                        max_length=16,
                    ),
                ),
                ("why", models.CharField(max_length=64)),
                ("at", models.DateTimeField()),
                (
                    "by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "offer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="history", to="coupons.offer"
                    ),
                ),
            ],
            options={
                "ordering": ["id"],
            },
        ),
        migrations.AddConstraint(
            model_name="campaign",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("cap_coins__isnull", True),
                        ("coins__gt", 0),
                        ("coins__isnull", False),
                        ("kind", "voucher"),
                        ("percent__isnull", True),
                    ),
                    models.Q(
                        ("cap_coins__gt", 0),
                        ("cap_coins__isnull", False),
                        ("coins__isnull", True),
                        ("kind", "discount"),
                        ("percent__gte", 1),
                        ("percent__isnull", False),
                        ("percent__lte", 100),
                    ),
                    _connector="OR",
                ),
                name="campaign_kind_whole",
            ),
        ),
        migrations.AddConstraint(
            model_name="campaign",
            constraint=models.UniqueConstraint(
                django.db.models.functions.text.Upper("code"),
                condition=models.Q(("code", ""), _negated=True),
                name="campaign_code_unique",
            ),
        ),
        migrations.AddConstraint(
            model_name="campaign",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("starts_at__isnull", True),
                    ("ends_at__isnull", True),
                    ("ends_at__gt", models.F("starts_at")),
                    _connector="OR",
                ),
                name="campaign_ends_after_start",
            ),
        ),
        migrations.AddIndex(
            model_name="offer",
            index=models.Index(fields=["account", "-granted_at"], name="offer_of_account"),
        ),
        migrations.AddIndex(
            model_name="offer",
            index=models.Index(
                condition=models.Q(("status", "available")), fields=["expires_at"], name="offer_to_expire"
            ),
        ),
        migrations.AddConstraint(
            model_name="offer",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("cap_coins__isnull", True),
                        ("coins__gt", 0),
                        ("coins__isnull", False),
                        ("kind", "voucher"),
                        ("percent__isnull", True),
                    ),
                    models.Q(
                        ("cap_coins__gt", 0),
                        ("cap_coins__isnull", False),
                        ("coins__isnull", True),
                        ("kind", "discount"),
                        ("percent__gte", 1),
                        ("percent__isnull", False),
                        ("percent__lte", 100),
                    ),
                    _connector="OR",
                ),
                name="offer_kind_whole",
            ),
        ),
        migrations.AddConstraint(
            model_name="offer",
            constraint=models.UniqueConstraint(
                condition=models.Q(("by_code", True)),
                fields=("campaign", "account"),
                name="offer_code_once_per_account",
            ),
        ),
        migrations.AddConstraint(
            model_name="offer",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("status__in", ["in_use", "used"]), _negated=True),
                    models.Q(("order_ref", ""), _negated=True),
                    _connector="OR",
                ),
                name="offer_used_names_order",
            ),
        ),
    ]
