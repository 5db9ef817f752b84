"""What one account may buy and withdraw, and how fast: for all markets alike until ops gives one its own.

200,000 coins a day cost about US$1,980, under the US$2,000 a day above which prepaid value is regulated in the US
(payments.md 6). The others are ours, to be edited.
"""

import django.core.validators
import django.db.models.deletion
from django.db import migrations, models

DAY_S = 86_400
LIMITS = [
    # flow, name, counts, most, window, only for accounts younger than days, beyond
    ("top_up", "day", "coins", 200_000, DAY_S, None, "refuse"),
    ("top_up", "new-account-day", "coins", 60_000, DAY_S, 7, "refuse"),
    ("top_up", "burst", "times", 10, 600, None, "refuse"),
    ("top_up", "unpaid", "unpaid", 10, 3600, None, "refuse"),
    ("withdrawal", "day", "coins", 200_000, DAY_S, None, "refuse"),
    ("withdrawal", "often", "times", 5, DAY_S, None, "refuse"),
    ("withdrawal", "new-account", "coins", 5_000, DAY_S, 7, "review"),
    ("withdrawal", "came-back", "unpaid", 2, 30 * DAY_S, None, "review"),
]


def forwards(apps, schema_editor):
    rows = apps.get_model("markets", "MoneyLimit").objects.using(schema_editor.connection.alias)
    names = ("flow", "name", "counts", "most", "window_s", "younger_than_days", "beyond")
    rows.bulk_create(rows.model(**dict(zip(names, facts, strict=True))) for facts in LIMITS)


class Migration(migrations.Migration):
    dependencies = [("markets", "0004_ways_to_pay")]
    operations = [
        migrations.CreateModel(
            name="MoneyLimit",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "flow",
                    models.CharField(
                        choices=[("top_up", "Coins bought"), ("withdrawal", "Coins withdrawn")], max_length=10
                    ),
                ),
                (
                    "name",
                    models.SlugField(
                        help_text="The same name in a market stands for the row of all others.", max_length=32
                    ),
                ),
                (
                    "counts",
                    models.CharField(
                        choices=[
                            ("coins", "Coins, those under way included"),
                            ("times", "How often it was begun"),
                            ("unpaid", "How often it came to nothing"),
                        ],
                        max_length=8,
                    ),
                ),
                (
                    "most",
                    models.PositiveIntegerField(help_text="The most in a window, the new one included."),
                ),
                (
                    "window_s",
                    models.PositiveIntegerField(
                        help_text="Of so many seconds up to now: 86400 is a day, 2678400 a month at most.",
                        validators=[
                            django.core.validators.MinValueValidator(60),
                            django.core.validators.MaxValueValidator(2678400),
                        ],
                    ),
                ),
                (
                    "younger_than_days",
                    models.PositiveSmallIntegerField(
                        blank=True,
                        help_text="Only for accounts that came to us within so many days. Empty: for all.",
                        null=True,
                    ),
                ),
                (
                    "beyond",
                    models.CharField(
                        choices=[("refuse", "Refuse"), ("review", "Our staff looks at it first")],
                        default="refuse",
                        max_length=8,
                    ),
                ),
                ("enabled", models.BooleanField(default=True)),
                (
                    "market",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="money_limits",
                        to="markets.market",
                    ),
                ),
            ],
            options={
                "ordering": ["market", "flow", "name"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("market", "flow", "name"), name="money_limit_once_a_market", nulls_distinct=False
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("window_s__gte", 60), ("window_s__lte", 2678400)),
                        name="money_limit_window",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("beyond", "refuse"), ("flow", "withdrawal"), _connector="OR"),
                        name="money_limit_reviews_withdrawals",
                    ),
                ],
            },
        ),
        migrations.RunPython(forwards, migrations.RunPython.noop),
    ]
