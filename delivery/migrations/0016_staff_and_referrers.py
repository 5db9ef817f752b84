import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from promote.sqlfile import SqlFile

ONE = (
    (~models.Q(agent="") & models.Q(network=None, referrer=""))
    | models.Q(agent="", network__isnull=False, referrer="")
    | (models.Q(agent="", network=None) & ~models.Q(referrer=""))
)


class Migration(migrations.Migration):
    dependencies = [
        ("delivery", "0014_blocked_sources"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="blockedsource",
            name="referrer",
            field=models.CharField(
                blank=True,
                db_default="",
                help_text="The host of pages, such as ads.example.com: itself, and all below it.",
                max_length=253,
            ),
        ),
        migrations.RemoveConstraint(model_name="blockedsource", name="blocked_source_is_one"),
        migrations.AddConstraint(
            model_name="blockedsource",
            constraint=models.CheckConstraint(condition=ONE, name="blocked_source_is_one"),
        ),
        migrations.AddConstraint(
            model_name="blockedsource",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("referrer", ""), ("referrer__regex", r"^([a-z0-9_-]+\.)+[a-z0-9_-]+$"), _connector="OR"
                ),
                name="blocked_source_is_a_host",
            ),
        ),
        migrations.CreateModel(
            name="StaffViewer",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "name",
                    models.CharField(help_text="As the platform names them as a viewer.", max_length=256, unique=True),
                ),
                ("note", models.CharField(help_text="Who that is; for us.", max_length=200)),
                ("at", models.DateTimeField()),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={"db_table": "delivery_staff_viewer", "ordering": ["name"]},
        ),
        migrations.AddConstraint(
            model_name="staffviewer",
            constraint=models.CheckConstraint(
                condition=models.Q(("name", ""), _negated=True), name="staff_viewer_has_a_name"
            ),
        ),
        migrations.CreateModel(
            name="Referrer",
            fields=[
                ("id", models.BigIntegerField(primary_key=True, serialize=False)),
                ("words", models.TextField()),
                ("day", models.DateField(help_text="When it was met last.")),
            ],
            options={"db_table": "delivery_referrer", "managed": False},
        ),
        SqlFile("delivery/sql/0080_referrers.sql", undo="delivery/sql/0080_referrers_undo.sql"),
    ]
