"""Hashes of bodies under a key of ours; those that stand already too, so that requests repeat as before."""

from django.db import migrations, models

from promote.keys import keyring

AT_ONCE = 1_000


def put_under_a_key(apps, schema_editor):
    # By the owner's connection, which has the table locked.
    answers = apps.get_model("idempotency", "StoredAnswer").objects.using(schema_editor.connection.alias)
    while bare := list(answers.exclude(body_hash__contains=".")[:AT_ONCE]):
        for answer in bare:
            answer.body_hash = keyring.digests("fields", answer.body_hash.encode())[0]
        answers.bulk_update(bare, ["body_hash"])


class Migration(migrations.Migration):
    dependencies = [("idempotency", "0001_initial")]

    operations = [
        migrations.AlterField(
            "storedanswer",
            "body_hash",
            models.CharField(
                max_length=128,
                help_text="Under a key of ours: what few digits a body has can not be guessed from it.",
            ),
        ),
        migrations.RunPython(put_under_a_key, migrations.RunPython.noop),
    ]
