"""More ways to pay: what their payers do next, what they saved, and what was refused or warned of."""

import django.db.models.deletion
from django.db import migrations, models

import promote.ids


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_initial"),
        ("payments", "0009_finance"),
    ]

    operations = [
        migrations.AddField(
            model_name="notice",
            name="about",
            field=models.CharField(
                blank=True, default="payment", help_text="payment, return, warning or nothing.", max_length=16
            ),
        ),
        migrations.AddField(
            model_name="topup",
            name="accepted_at",
            field=models.DateTimeField(help_text="The payer paid; the money was not final yet.", null=True),
        ),
        migrations.AddField(
            model_name="topup",
            name="client_secret",
            field=models.CharField(blank=True, help_text="For the provider's form in an app.", max_length=255),
        ),
        migrations.AddField(
            model_name="topup",
            name="instructions",
            field=models.JSONField(help_text="What a payer by transfer is shown: account, until when.", null=True),
        ),
        migrations.CreateModel(
            name="Refused",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("gateway", models.CharField(max_length=32)),
                ("reason", models.CharField(max_length=32)),
                ("day", models.DateField()),
                ("times", models.PositiveIntegerField()),
                ("last_at", models.DateTimeField()),
                ("last", models.CharField(help_text="What was wrong with the last one.", max_length=500)),
            ],
            options={
                "verbose_name": "refused notices and payments",
                "verbose_name_plural": "refused notices and payments",
                "constraints": [
                    models.UniqueConstraint(fields=("gateway", "reason", "day"), name="refused_once_a_day")
                ],
            },
        ),
        migrations.CreateModel(
            name="SavedMethod",
            fields=[
                ("id", models.UUIDField(default=promote.ids.new, editable=False, primary_key=True, serialize=False)),
                ("method", models.CharField(max_length=32)),
                ("gateway", models.CharField(max_length=32)),
                ("token", models.TextField(help_text="Sealed with the key of fields.")),
                ("label", models.CharField(help_text="How its owner knows it: r…@example.com.", max_length=64)),
                ("consented_at", models.DateTimeField()),
                ("removed_at", models.DateTimeField(null=True)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="saved_methods", to="accounts.account"
                    ),
                ),
                (
                    "first_top_up",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="payments.topup"
                    ),
                ),
            ],
        ),
        migrations.AddField(
            model_name="topup",
            name="saved",
            field=models.ForeignKey(
                help_text="What pays for it: saved at an earlier payment.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="top_ups",
                to="payments.savedmethod",
            ),
        ),
        migrations.CreateModel(
            name="FraudWarning",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("gateway", models.CharField(max_length=32)),
                ("ref", models.CharField(help_text="Its id at the provider.", max_length=255)),
                ("payment_ref", models.CharField(max_length=255)),
                ("amount_minor", models.PositiveBigIntegerField()),
                ("currency", models.CharField(max_length=3)),
                ("reason", models.CharField(max_length=64)),
                ("status", models.CharField(max_length=64)),
                ("opened_at", models.DateTimeField()),
                ("asked_at", models.DateTimeField(help_text="When we last asked the provider about it.")),
                (
                    "top_up",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="fraud_warnings",
                        to="payments.topup",
                    ),
                ),
            ],
            options={
                "verbose_name": "early warning of fraud",
                "verbose_name_plural": "early warnings of fraud",
                "indexes": [models.Index(fields=["payment_ref"], name="fraud_warning_of_payment")],
                "constraints": [models.UniqueConstraint(fields=("gateway", "ref"), name="fraud_warning_once")],
            },
        ),
        migrations.AddConstraint(
            model_name="savedmethod",
            constraint=models.UniqueConstraint(
                condition=models.Q(("removed_at", None)),
                fields=("account", "method"),
                name="saved_method_one_at_a_time",
            ),
        ),
    ]
