"""A saved token is found by a keyed digest beside its seal; rows of before get theirs from `renew_saved_tokens`."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("payments", "0034_payout_accounts")]

    operations = [
        migrations.AddField(
            model_name="savedmethod",
            name="token_digest",
            field=models.CharField(
                blank=True,
                db_default="",
                help_text="By which a token is found again: of the same key.",
                max_length=128,
            ),
        ),
        migrations.AddIndex(
            model_name="savedmethod",
            index=models.Index(
                condition=models.Q(("removed_at", None)), fields=["token_digest"], name="saved_method_by_token"
            ),
        ),
    ]
