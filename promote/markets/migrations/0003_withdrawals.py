"""How each method pays back: its usual time, its window, and where the stores take the request themselves.

The days are what providers and issuers usually say (payments.md 6, marked there as general knowledge); ops edits them.
"""

from django.db import migrations, models

DAYS = {
    "card": (5, 10, None),
    "paypal": (1, 5, 180),
    "paypal_reference": (1, 5, 180),
    "direct_debit": (5, 10, 180),
    "dana": (1, 3, None),
    "ovo": (1, 3, None),
    "rabbit_line_pay": (1, 5, None),
    "truemoney": (1, 5, None),
}
STORES = {
    "apple": "https://reportaproblem.apple.com/",
    "google": "https://support.google.com/googleplay/workflow/9813244",
}


def forwards(apps, schema_editor):
    rows = apps.get_model("markets", "PaymentMethod").objects.using(schema_editor.connection.alias)
    for code, (from_days, to_days, window) in DAYS.items():
        rows.filter(code=code).update(refund_from_days=from_days, refund_to_days=to_days, refund_window_days=window)
    for code, url in STORES.items():
        rows.filter(code=code).update(refund_url=url)


class Migration(migrations.Migration):
    dependencies = [
        ("markets", "0002_launch_facts"),
    ]

    operations = [
        migrations.AddField(
            model_name="market",
            name="withdrawal_review_from_coins",
            field=models.PositiveIntegerField(
                default=20000, help_text="From so many coins on, our staff looks at a withdrawal before it goes out."
            ),
        ),
        migrations.AddField(
            model_name="paymentmethod",
            name="refund_from_days",
            field=models.PositiveSmallIntegerField(
                blank=True, help_text="A withdrawal's usual time, in days. Empty: it can't be paid back.", null=True
            ),
        ),
        migrations.AddField(
            model_name="paymentmethod",
            name="refund_to_days",
            field=models.PositiveSmallIntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="paymentmethod",
            name="refund_url",
            field=models.CharField(
                blank=True, help_text="Where a store takes the request for a refund.", max_length=500
            ),
        ),
        migrations.AddField(
            model_name="paymentmethod",
            name="refund_window_days",
            field=models.PositiveSmallIntegerField(
                blank=True, help_text="So long after the payment it can be paid back. Empty: always.", null=True
            ),
        ),
        migrations.AddConstraint(
            model_name="paymentmethod",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("refund_from_days", None), ("refund_to_days", None)),
                    models.Q(
                        ("refund_from_days__isnull", False), ("refund_to_days__gte", models.F("refund_from_days"))
                    ),
                    _connector="OR",
                ),
                name="payment_method_refund_days",
            ),
        ),
        migrations.RunPython(forwards, migrations.RunPython.noop),
    ]
