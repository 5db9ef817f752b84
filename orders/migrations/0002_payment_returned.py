"""An order can end because a payment behind it went back."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_initial"),
        ("catalogue", "0001_initial"),
        ("coupons", "0001_initial"),
        ("markets", "0002_launch_facts"),
        ("orders", "0001_initial"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="order",
            name="order_ended_says_why",
        ),
        migrations.AlterField(
            model_name="order",
            name="end_reason",
            field=models.CharField(
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
                    ("payment_returned", "A payment behind it went back"),
                ],
                max_length=16,
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
                                "payment_returned",
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
    ]
