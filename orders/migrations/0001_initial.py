import django.db.models.deletion
import django.db.models.expressions
from django.conf import settings
from django.db import migrations, models

import orders.xid
import promote.ids
from promote.sqlfile import SqlFile


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("accounts", "0001_initial"),
        ("catalogue", "0001_initial"),
        ("coupons", "0001_initial"),
        ("markets", "0002_launch_facts"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Order",
            fields=[
                ("id", models.UUIDField(default=promote.ids.new, editable=False, primary_key=True, serialize=False)),
                ("key", models.CharField(help_text="The caller's idempotency key.", max_length=255)),
                ("quote_id", models.UUIDField(unique=True)),
                (
                    "function",
                    models.CharField(
                        choices=[("video", "Video"), ("anchor", "Anchor"), ("live", "Live")], max_length=8
                    ),
                ),
                ("objective", models.CharField(max_length=32)),
                (
                    "revision_seen",
                    models.PositiveIntegerField(
                        blank=True, help_text="The target's revision that the last approval named.", null=True
                    ),
                ),
                ("audience", models.JSONField(default=dict)),
                ("website_url", models.URLField(blank=True, max_length=2000)),
                ("call_to_action", models.CharField(blank=True, max_length=32)),
                ("duration_s", models.PositiveIntegerField()),
                ("app_platform", models.CharField(max_length=16)),
                ("max_bid_micros", models.PositiveBigIntegerField(blank=True, null=True)),
                (
                    "amendments",
                    models.PositiveIntegerField(default=0, help_text="How often its owner changed it in review."),
                ),
                ("cost_coins", models.BigIntegerField()),
                ("coupon_coins", models.BigIntegerField(default=0)),
                ("pay_coins", models.BigIntegerField()),
                ("escrow_id", models.BigIntegerField(help_text="Its ledger account.", null=True, unique=True)),
                (
                    "charged_micros",
                    models.BigIntegerField(blank=True, help_text="Everything charged, coupon first.", null=True),
                ),
                ("coupon_spent_micros", models.BigIntegerField(blank=True, null=True)),
                (
                    "spent_coins",
                    models.BigIntegerField(blank=True, help_text="The user's coins, once final.", null=True),
                ),
                ("refunded_coins", models.BigIntegerField(blank=True, null=True)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("in_review", "In review"),
                            ("scheduled", "Scheduled"),
                            ("delivering", "Running"),
                            ("paused", "Paused"),
                            ("ending", "Ending"),
                            ("settled", "Done"),
                            ("rejected", "Rejected"),
                            ("cancelled", "Cancelled"),
                        ],
                        max_length=16,
                    ),
                ),
                ("shard", models.PositiveSmallIntegerField()),
                ("placed_at", models.DateTimeField()),
                ("starts_at", models.DateTimeField(blank=True, null=True)),
                ("ends_at", models.DateTimeField(blank=True, null=True)),
                (
                    "stopped_at",
                    models.DateTimeField(
                        blank=True, help_text="Its clock has stood still since: paused, or in review again.", null=True
                    ),
                ),
                (
                    "end_reason",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("time", "Its time was over"),
                            ("budget", "Its budget was spent"),
                            ("user", "Ended by its owner"),
                            ("ops", "Ended by our staff"),
                            ("rejected", "Rejected in review"),
                            ("review_overdue", "Not reviewed in time"),
                            ("suspended", "The video was suspended"),
                            ("deleted", "The video was deleted"),
                            ("private", "The video is no longer public"),
                            ("sold_out", "The product is sold out"),
                            ("live_ended", "The live ended"),
                            ("never_on_air", "The live never went on air"),
                            ("restricted", "The account was restricted"),
                        ],
                        max_length=16,
                    ),
                ),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                (
                    "ending_at",
                    models.DateTimeField(
                        blank=True,
                        help_text="When the end was recorded: later than the end itself after an outage.",
                        null=True,
                    ),
                ),
                ("closed_at", models.DateTimeField(blank=True, help_text="No event is billed after this.", null=True)),
                ("drained_at", models.DateTimeField(blank=True, help_text="Its last event is known.", null=True)),
                ("refund_due_at", models.DateTimeField(blank=True, null=True)),
                ("refunded_at", models.DateTimeField(blank=True, null=True)),
                ("set_aside_at", models.DateTimeField(blank=True, null=True)),
                ("set_aside_reason", models.TextField(blank=True)),
                ("place_again_until", models.DateTimeField(blank=True, null=True)),
                ("changed_xid", orders.xid.XidField(editable=False, null=True)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="orders", to="accounts.account"
                    ),
                ),
                (
                    "live",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="orders",
                        to="catalogue.liveroom",
                    ),
                ),
                (
                    "market",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="markets.market"
                    ),
                ),
                (
                    "offer",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="orders",
                        to="coupons.offer",
                    ),
                ),
                (
                    "placed_again_from",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="placed_again_as",
                        to="orders.order",
                    ),
                ),
                (
                    "product",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="orders",
                        to="catalogue.product",
                    ),
                ),
                (
                    "video",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="orders",
                        to="catalogue.video",
                    ),
                ),
            ],
            options={
                "permissions": [
                    ("review_order", "Can approve and reject orders"),
                    ("end_order", "Can end orders"),
                    ("settle_order", "Can retry settlements"),
                ],
            },
        ),
        migrations.CreateModel(
            name="OrderTransition",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("from_status", models.CharField(blank=True, max_length=16)),
                (
                    "to_status",
                    models.CharField(
                        choices=[
                            ("in_review", "In review"),
                            ("scheduled", "Scheduled"),
                            ("delivering", "Running"),
                            ("paused", "Paused"),
                            ("ending", "Ending"),
                            ("settled", "Done"),
                            ("rejected", "Rejected"),
                            ("cancelled", "Cancelled"),
                        ],
                        max_length=16,
                    ),
                ),
                ("why", models.CharField(max_length=32)),
                ("by_owner", models.BooleanField(default=False)),
                ("at", models.DateTimeField()),
                ("detail", models.JSONField(blank=True, default=dict)),
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
                    "order",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="history", to="orders.order"
                    ),
                ),
            ],
            options={
                "ordering": ["id"],
            },
        ),
        migrations.CreateModel(
            name="Review",
            fields=[
                ("id", models.UUIDField(default=promote.ids.new, editable=False, primary_key=True, serialize=False)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("first", "First review"),
                            ("reopened", "Changed after approval"),
                            ("appeal", "Appeal"),
                        ],
                        max_length=16,
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("in_review", "In review"),
                            ("approved", "Approved"),
                            ("rejected", "Rejected"),
                            ("overdue", "Not reviewed in time"),
                            ("lapsed", "No longer needed"),
                        ],
                        default="in_review",
                        max_length=16,
                    ),
                ),
                ("opened_at", models.DateTimeField()),
                ("due_at", models.DateTimeField()),
                ("message", models.TextField(blank=True, help_text="What the owner says in the appeal.")),
                (
                    "revision",
                    models.PositiveIntegerField(
                        blank=True, help_text="The revision that the verdict names.", null=True
                    ),
                ),
                ("decided_at", models.DateTimeField(blank=True, null=True)),
                ("policy", models.CharField(blank=True, max_length=32)),
                ("place_start_s", models.PositiveIntegerField(blank=True, null=True)),
                ("place_end_s", models.PositiveIntegerField(blank=True, null=True)),
                ("reason", models.TextField(blank=True)),
                ("remedy", models.TextField(blank=True)),
                (
                    "decided_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "not_by",
                    models.ForeignKey(
                        blank=True,
                        help_text="Who rejected it, and so can't decide the appeal.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "order",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="reviews", to="orders.order"
                    ),
                ),
            ],
            options={
                "ordering": ["opened_at", "id"],
            },
        ),
        migrations.AddIndex(
            model_name="order",
            index=models.Index(fields=["account", "-placed_at", "-id"], name="order_of_account"),
        ),
        migrations.AddIndex(
            model_name="order",
            index=models.Index(
                condition=models.Q(("status", "delivering")), fields=["ends_at"], name="order_running_by_end"
            ),
        ),
        migrations.AddIndex(
            model_name="order",
            index=models.Index(
                condition=models.Q(("status", "scheduled")), fields=["placed_at"], name="order_scheduled"
            ),
        ),
        migrations.AddIndex(
            model_name="order",
            index=models.Index(
                condition=models.Q(("status", "ending")), fields=["refund_due_at"], name="order_to_settle"
            ),
        ),
        migrations.AddIndex(
            model_name="order",
            index=models.Index(
                condition=models.Q(("refunded_at__isnull", False)), fields=["refunded_at"], name="order_refunded"
            ),
        ),
        migrations.AddIndex(
            model_name="order",
            index=models.Index(fields=["changed_xid"], name="order_changed"),
        ),
        migrations.AddConstraint(
            model_name="order",
            constraint=models.UniqueConstraint(fields=("account", "key"), name="order_once_per_key"),
        ),
        migrations.AddConstraint(
            model_name="order",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "cost_coins",
                        django.db.models.expressions.CombinedExpression(
                            models.F("coupon_coins"), "+", models.F("pay_coins")
                        ),
                    )
                ),
                name="order_cost_is_paid",
            ),
        ),
        migrations.AddConstraint(
            model_name="order",
            constraint=models.CheckConstraint(
                condition=models.Q(("coupon_coins__gte", 0), ("pay_coins__gt", 0)), name="order_budget_positive"
            ),
        ),
        migrations.AddConstraint(
            model_name="order",
            constraint=models.CheckConstraint(
                condition=models.Q(("offer__isnull", False), ("coupon_coins", 0), _connector="OR"),
                name="order_coupon_has_offer",
            ),
        ),
        migrations.AddConstraint(
            model_name="order",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("function", "live"), ("live__isnull", False), ("video__isnull", True)),
                    models.Q(
                        models.Q(("function", "live"), _negated=True), ("live__isnull", True), ("video__isnull", False)
                    ),
                    _connector="OR",
                ),
                name="order_one_target",
            ),
        ),
        migrations.AddConstraint(
            model_name="order",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("function", "anchor"), ("product__isnull", False)),
                    models.Q(models.Q(("function", "anchor"), _negated=True), ("product__isnull", True)),
                    _connector="OR",
                ),
                name="order_anchor_has_product",
            ),
        ),
        migrations.AddConstraint(
            model_name="order",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "status__in",
                        [
                            "in_review",
                            "scheduled",
                            "delivering",
                            "paused",
                            "ending",
                            "settled",
                            "rejected",
                            "cancelled",
                        ],
                    )
                ),
                name="order_status_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="order",
            constraint=models.CheckConstraint(
                condition=models.Q(("duration_s__gt", 0)), name="order_duration_positive"
            ),
        ),
        migrations.AddConstraint(
            model_name="order",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("ends_at__isnull", True), ("starts_at__isnull", True)),
                    models.Q(
                        ("ends_at__gt", models.F("starts_at")), ("ends_at__isnull", False), ("starts_at__isnull", False)
                    ),
                    _connector="OR",
                ),
                name="order_clock_whole",
            ),
        ),
        migrations.AddConstraint(
            model_name="order",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("status__in", ["delivering", "paused", "ending", "settled"]), _negated=True),
                    ("starts_at__isnull", False),
                    _connector="OR",
                ),
                name="order_delivering_has_clock",
            ),
        ),
        migrations.AddConstraint(
            model_name="order",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("status", "scheduled"), _negated=True), ("starts_at__isnull", True), _connector="OR"
                ),
                name="order_scheduled_has_no_clock",
            ),
        ),
        migrations.AddConstraint(
            model_name="order",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("status", "paused"), ("stopped_at__isnull", False)),
                    models.Q(("starts_at__isnull", False), ("status", "in_review"), ("stopped_at__isnull", False)),
                    models.Q(("starts_at__isnull", True), ("status", "in_review"), ("stopped_at__isnull", True)),
                    models.Q(
                        models.Q(("status__in", ["paused", "in_review"]), _negated=True), ("stopped_at__isnull", True)
                    ),
                    _connector="OR",
                ),
                name="order_clock_stands_or_runs",
            ),
        ),
        migrations.AddConstraint(
            model_name="order",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("end_reason", ""),
                        ("ended_at__isnull", True),
                        ("refund_due_at__isnull", True),
                        ("status__in", ["in_review", "scheduled", "delivering", "paused"]),
                    ),
                    models.Q(
                        (
                            "end_reason__in",
                            [
                                "time",
                                "budget",
                                "user",
                                "ops",
                                "rejected",
                                "review_overdue",
                                "suspended",
                                "deleted",
                                "private",
                                "sold_out",
                                "live_ended",
                                "never_on_air",
                                "restricted",
                            ],
                        ),
                        ("ended_at__isnull", False),
                        ("ending_at__isnull", False),
                        ("refund_due_at__isnull", False),
                        ("status__in", ["ending", "settled", "rejected", "cancelled"]),
                    ),
                    _connector="OR",
                ),
                name="order_ended_says_why",
            ),
        ),
        migrations.AddConstraint(
            model_name="order",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("charged_micros__isnull", False),
                        ("closed_at__isnull", False),
                        ("coupon_spent_micros__isnull", False),
                        ("refunded_at__isnull", False),
                        ("refunded_coins__isnull", False),
                        ("spent_coins__isnull", False),
                        ("status__in", ("settled", "rejected", "cancelled")),
                    ),
                    models.Q(
                        models.Q(("status__in", ("settled", "rejected", "cancelled")), _negated=True),
                        ("refunded_at__isnull", True),
                        ("refunded_coins__isnull", True),
                        ("spent_coins__isnull", True),
                    ),
                    _connector="OR",
                ),
                name="order_final_is_settled",
            ),
        ),
        migrations.AddConstraint(
            model_name="order",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("spent_coins__isnull", True),
                    models.Q(
                        (
                            "pay_coins",
                            django.db.models.expressions.CombinedExpression(
                                models.F("spent_coins"), "+", models.F("refunded_coins")
                            ),
                        ),
                        ("refunded_coins__gte", 0),
                        ("spent_coins__gte", 0),
                    ),
                    _connector="OR",
                ),
                name="order_spent_and_returned_is_paid",
            ),
        ),
        migrations.AddConstraint(
            model_name="order",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("coupon_spent_micros__isnull", True),
                    models.Q(
                        ("coupon_spent_micros__gte", 0),
                        (
                            "coupon_spent_micros__lte",
                            django.db.models.expressions.CombinedExpression(
                                models.F("coupon_coins"), "*", models.Value(1000000)
                            ),
                        ),
                    ),
                    _connector="OR",
                ),
                name="order_coupon_spent_within",
            ),
        ),
        migrations.AddConstraint(
            model_name="order",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("status__in", ["rejected", "cancelled"]), _negated=True),
                    ("charged_micros", 0),
                    _connector="OR",
                ),
                name="order_called_off_spent_nothing",
            ),
        ),
        migrations.AddConstraint(
            model_name="order",
            constraint=models.CheckConstraint(
                condition=models.Q(("drained_at__isnull", True), ("closed_at__isnull", False), _connector="OR"),
                name="order_drained_is_closed",
            ),
        ),
        migrations.AddConstraint(
            model_name="order",
            constraint=models.CheckConstraint(
                condition=models.Q(("set_aside_at__isnull", True), ("status", "ending"), _connector="OR"),
                name="order_set_aside_is_ending",
            ),
        ),
        migrations.AddIndex(
            model_name="review",
            index=models.Index(condition=models.Q(("status", "in_review")), fields=["due_at"], name="review_queue"),
        ),
        migrations.AddConstraint(
            model_name="review",
            constraint=models.UniqueConstraint(
                condition=models.Q(("status", "in_review")), fields=("order",), name="review_one_open"
            ),
        ),
        migrations.AddConstraint(
            model_name="review",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("decided_at__isnull", True), ("status", "in_review")),
                    models.Q(models.Q(("status", "in_review"), _negated=True), ("decided_at__isnull", False)),
                    _connector="OR",
                ),
                name="review_decided_has_time",
            ),
        ),
        migrations.AddConstraint(
            model_name="review",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("status__in", ["approved", "rejected"]), _negated=True),
                    models.Q(("decided_by__isnull", False), ("revision__isnull", False)),
                    _connector="OR",
                ),
                name="review_verdict_names_who_and_what",
            ),
        ),
        migrations.AddConstraint(
            model_name="review",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("status", "rejected"), _negated=True),
                    models.Q(("policy", ""), _negated=True),
                    _connector="OR",
                ),
                name="review_rejection_names_policy",
            ),
        ),
        migrations.AddConstraint(
            model_name="review",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("place_end_s__isnull", True), ("place_start_s__isnull", True)),
                    models.Q(
                        ("place_end_s__gte", models.F("place_start_s")),
                        ("place_end_s__isnull", False),
                        ("place_start_s__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="review_place_is_a_range",
            ),
        ),
        migrations.AddConstraint(
            model_name="review",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("not_by__isnull", True),
                    ("decided_by__isnull", True),
                    models.Q(("decided_by", models.F("not_by")), _negated=True),
                    _connector="OR",
                ),
                name="review_appeal_by_another",
            ),
        ),
        SqlFile("orders/sql/0001_orders.sql", undo="orders/sql/0001_orders_undo.sql"),
    ]
