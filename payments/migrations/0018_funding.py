"""An order's escrow is filled in two calls: one locks what can pay, the other opens it and posts."""

from django.db import migrations

from promote.sqlfile import SqlFile


class Migration(migrations.Migration):
    dependencies = [("payments", "0017_numbers_in_batches")]

    operations = [SqlFile("payments/sql/0050_funding.sql", undo="payments/sql/0050_funding_undo.sql")]
