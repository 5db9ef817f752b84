"""Placing an order reads in one call and writes in another; what decides stays between the two, in Python."""

from django.db import migrations

from promote.sqlfile import SqlFile


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_initial"),
        ("catalogue", "0002_former_accounts"),
        ("markets", "0004_ways_to_pay"),
        ("notifications", "0002_notify"),
        ("orders", "0004_leaner_indexes"),
        ("outbox", "0003_record"),
    ]

    operations = [SqlFile("orders/sql/0010_placement.sql", undo="orders/sql/0010_placement_undo.sql")]
