"""Cards are saved: what their owner agreed to, how long they are good, and how the provider lets go of them."""

from django.db import migrations, models

from promote.sqlfile import SqlFile


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_initial"),
        ("payments", "0019_posting"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="savedmethod",
            name="saved_method_one_at_a_time",
        ),
        migrations.AddField(
            model_name="savedmethod",
            name="consent",
            field=models.TextField(blank=True, help_text="What its owner agreed to, as they read it."),
        ),
        migrations.AddField(
            model_name="savedmethod",
            name="expires_on",
            field=models.DateField(help_text="The last day on which a card is good.", null=True),
        ),
        migrations.AddField(
            model_name="savedmethod",
            name="payer_ref",
            field=models.CharField(blank=True, help_text="The provider's own id of its payer.", max_length=255),
        ),
        migrations.AddField(
            model_name="savedmethod",
            name="release_at",
            field=models.DateTimeField(
                help_text="When the provider is told next that it was removed; empty: it was, or need not be.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="topup",
            name="asked_at",
            field=models.DateTimeField(
                help_text="When the provider was last asked to take it from what was saved.", null=True
            ),
        ),
        migrations.AddField(
            model_name="topup",
            name="consent",
            field=models.TextField(
                blank=True, help_text="The words by which its payer agreed that what they pay with is saved."
            ),
        ),
        migrations.AddField(
            model_name="topup",
            name="failure",
            field=models.CharField(
                blank=True, help_text="Why it did not go through, as declines.py has it.", max_length=32
            ),
        ),
        migrations.AddField(
            model_name="topup",
            name="return_url",
            field=models.CharField(
                blank=True,
                help_text="Where a payer of what was saved comes back to, should they have to go.",
                max_length=2000,
            ),
        ),
        migrations.AlterField(
            model_name="savedmethod",
            name="label",
            field=models.CharField(help_text="How its owner knows it: r…@example.com, Visa •••• 4242.", max_length=64),
        ),
        migrations.AlterField(
            model_name="savedmethod",
            name="token",
            field=models.TextField(blank=True, help_text="Sealed with the key of fields."),
        ),
        migrations.AddIndex(
            model_name="savedmethod",
            index=models.Index(
                condition=models.Q(("release_at", None), _negated=True),
                fields=["release_at"],
                name="saved_method_to_release",
            ),
        ),
        migrations.AddConstraint(
            model_name="savedmethod",
            constraint=models.UniqueConstraint(
                condition=models.Q(("removed_at", None)),
                fields=("account", "method", "label", "expires_on"),
                name="saved_method_once",
                nulls_distinct=False,
            ),
        ),
        migrations.AddConstraint(
            model_name="savedmethod",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("removed_at", None), _negated=True),
                    models.Q(("token", ""), _negated=True),
                    _connector="OR",
                ),
                name="saved_method_has_its_token",
            ),
        ),
        migrations.AddConstraint(
            model_name="savedmethod",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("release_at", None), models.Q(("removed_at", None), _negated=True), _connector="OR"
                ),
                name="saved_method_released_once_removed",
            ),
        ),
        SqlFile("payments/sql/0040_saved.sql", undo="payments/sql/0040_saved_undo.sql"),
    ]
