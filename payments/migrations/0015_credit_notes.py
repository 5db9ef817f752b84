"""Credit notes tell what went back of a payment, once, and no more than its receipt says."""

import django.db.models.deletion
from django.db import migrations, models

from promote.sqlfile import SqlFile


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_initial"),
        ("markets", "0008_tax_rates"),
        ("payments", "0014_stores"),
    ]

    operations = [
        migrations.AddField(
            model_name="invoice",
            name="returned",
            field=models.ForeignKey(
                help_text="What went back, of which a credit note tells.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="credit_notes",
                to="payments.paymentreturn",
            ),
        ),
        migrations.AddConstraint(
            model_name="invoice",
            constraint=models.UniqueConstraint(
                condition=models.Q(("returned", None), _negated=True),
                fields=("corrects", "returned"),
                name="credit_note_once_per_return",
            ),
        ),
        migrations.AddConstraint(
            model_name="invoice",
            constraint=models.CheckConstraint(
                condition=models.Q(("returned", None), ("kind", "credit_note"), _connector="OR"),
                name="invoice_returned_by_credit_note",
            ),
        ),
        SqlFile("payments/sql/0035_credit_notes.sql", undo="payments/sql/0035_credit_notes_undo.sql"),
    ]
