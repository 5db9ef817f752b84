"""Notices that are refused at the door are kept for a while, as refused."""

from django.db import migrations, models

from promote.sqlfile import SqlFile


class Migration(migrations.Migration):
    dependencies = [
        ("payments", "0029_payouts_by_line"),
    ]

    operations = [
        migrations.AlterField(
            model_name="notice",
            name="state",
            field=models.CharField(
                choices=[
                    ("waiting", "Waiting"),
                    ("done", "Done"),
                    ("ignored", "Not about us"),
                    ("dead", "Given up"),
                    ("refused", "Refused at the door"),
                ],
                default="waiting",
                max_length=8,
            ),
        ),
        migrations.AlterField(
            model_name="notice",
            name="about",
            field=models.CharField(
                blank=True,
                default="payment",
                help_text="payment, return, use, warning, saved or nothing.",
                max_length=16,
            ),
        ),
        migrations.AddIndex(
            model_name="notice",
            index=models.Index(
                condition=models.Q(("state", "refused")), fields=["received_at"], name="notice_refused_since"
            ),
        ),
        SqlFile("payments/sql/0058_refused_notices.sql", undo="payments/sql/0058_refused_notices_undo.sql"),
    ]
