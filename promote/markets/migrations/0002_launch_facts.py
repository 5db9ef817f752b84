"""The facts of the launch: markets, methods, packs, terms (promote/markets/data/markets.json)."""

from django.db import migrations

from promote.markets import load


def forwards(apps, schema_editor):
    for name, rows in load.rows(load.read()).items():
        model = apps.get_model("markets", name)
        model.objects.using(schema_editor.connection.alias).bulk_create(model(**row) for row in rows)


class Migration(migrations.Migration):
    dependencies = [("markets", "0001_initial")]
    operations = [migrations.RunPython(forwards, migrations.RunPython.noop)]
