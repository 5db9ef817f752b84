"""What can't go back as it was paid goes to a bank account that its owner names."""

import django.db.models.deletion
from django.db import migrations, models

import promote.ids
from promote.sqlfile import SqlFile


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_initial"),
        ("markets", "0010_payout_banks"),
        ("payments", "0033_single"),
    ]

    operations = [
        migrations.CreateModel(
            name="Payer",
            fields=[
                (
                    "top_up",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="payer",
                        serialize=False,
                        to="payments.topup",
                    ),
                ),
                ("name", models.TextField(help_text="Sealed.")),
            ],
        ),
        migrations.AlterField(
            model_name="bankpayout",
            name="match",
            field=models.ForeignKey(
                help_text="What brought it: a trigger lets no more go back to its payer.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="payouts",
                to="payments.bankmatch",
            ),
        ),
        migrations.CreateModel(
            name="PayoutAccount",
            fields=[
                ("id", models.UUIDField(default=promote.ids.new, editable=False, primary_key=True, serialize=False)),
                ("bank_code", models.CharField(help_text="As the market's banks know it: 014.", max_length=10)),
                ("bank_name", models.CharField(max_length=80)),
                ("holder", models.TextField(help_text="Sealed.")),
                ("number", models.TextField(help_text="Sealed.")),
                ("last_digits", models.CharField(max_length=4)),
                ("named_at", models.DateTimeField()),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="payout_accounts",
                        to="accounts.account",
                    ),
                ),
                (
                    "market",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="markets.market"
                    ),
                ),
            ],
        ),
        migrations.AddField(
            model_name="bankpayout",
            name="payout_account",
            field=models.ForeignKey(
                help_text="Whom the withdrawal's part names: a trigger takes that part's amount alone, once.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="payouts",
                to="payments.payoutaccount",
            ),
        ),
        migrations.AddField(
            model_name="withdrawalleg",
            name="payout_account",
            field=models.ForeignKey(
                help_text="Where it goes that can't go back as it was paid: its owner's, and our staff looks first (trigger).",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="legs",
                to="payments.payoutaccount",
            ),
        ),
        migrations.AddConstraint(
            model_name="bankpayout",
            constraint=models.UniqueConstraint(
                condition=models.Q(("match", None)), fields=("reference",), name="bank_payout_named_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="bankpayout",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("match__isnull", False), ("payout_account", None)),
                    models.Q(("match", None), ("payee", ""), ("payee_account", ""), ("payout_account__isnull", False)),
                    _connector="OR",
                ),
                name="bank_payout_to_line_or_named",
            ),
        ),
        migrations.AddConstraint(
            model_name="payoutaccount",
            constraint=models.CheckConstraint(
                condition=models.Q(("last_digits__regex", "^[0-9]{2,4}$")), name="payout_account_last_digits"
            ),
        ),
        SqlFile("payments/sql/0061_payout_accounts.sql", undo="payments/sql/0061_payout_accounts_undo.sql"),
    ]
