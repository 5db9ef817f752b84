"""An order's rules are one CHECK, read once a session; placing asks the database twice."""

from django.db import migrations

from promote.sqlfile import SqlFile

_ORDER = [
    "order_anchor_has_product",
    "order_budget_positive",
    "order_called_off_spent_nothing",
    "order_clock_stands_or_runs",
    "order_clock_whole",
    "order_cost_is_paid",
    "order_coupon_has_offer",
    "order_coupon_spent_within",
    "order_delivering_has_clock",
    "order_drained_is_closed",
    "order_duration_positive",
    "order_ended_says_why",
    "order_final_is_settled",
    "order_one_target",
    "order_scheduled_has_no_clock",
    "order_set_aside_is_ending",
    "order_spent_and_returned_is_paid",
    "order_status_known",
]
_REVIEW = [
    "review_appeal_by_another",
    "review_decided_has_time",
    "review_place_is_a_range",
    "review_rejection_names_policy",
    "review_verdict_names_who_and_what",
]


class Migration(migrations.Migration):
    dependencies = [
        ("orders", "0005_placement"),
        ("payments", "0033_single"),
    ]

    operations = [
        *(migrations.RemoveConstraint("order", name) for name in _ORDER),
        *(migrations.RemoveConstraint("review", name) for name in _REVIEW),
        SqlFile("orders/sql/0011_rules.sql", undo="orders/sql/0011_rules_undo.sql"),
        SqlFile("orders/sql/0012_placing.sql", undo="orders/sql/0012_placing_undo.sql"),
    ]
