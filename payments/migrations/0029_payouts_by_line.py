"""What goes back of a transfer goes to each account that it came from, and no more to any than came from it."""

import django.db.models.deletion
from django.db import migrations, models

from promote.sqlfile import SqlFile


class Migration(migrations.Migration):
    dependencies = [
        ("payments", "0028_taken_once"),
    ]

    operations = [
        migrations.AddField(
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
        migrations.AlterField(
            model_name="bankpayout",
            name="reference",
            field=models.CharField(help_text="Whose it is: the withdrawal's part.", max_length=64),
        ),
        SqlFile("payments/sql/0057_payouts.sql", undo="payments/sql/0057_payouts_undo.sql"),
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField(
                    model_name="bankpayout",
                    name="match",
                    field=models.ForeignKey(
                        help_text="What brought it: a trigger lets no more go back to its payer.",
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="payouts",
                        to="payments.bankmatch",
                    ),
                )
            ]
        ),
        migrations.AddConstraint(
            model_name="bankpayout",
            constraint=models.UniqueConstraint(fields=("reference", "match"), name="bank_payout_once"),
        ),
    ]
