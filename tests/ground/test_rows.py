"""A row that the database answered as JSON is the instance that a query would have made of it."""

import pytest
from django.db import connection

from orders.models import Review
from promote import rows
from promote.accounts.models import Account
from promote.catalogue.models import LiveRoom, Product, Video
from promote.markets.models import Market
from tests.builders import a_live, a_product, a_video, an_account, an_order

pytestmark = pytest.mark.django_db


def as_json(instance):
    table = instance._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT to_json(t) FROM {table} t WHERE {instance._meta.pk.column} = %s", [instance.pk])  # noqa: S608
        return cursor.fetchone()[0]


def values(instance):
    return [getattr(instance, field.attname) for field in instance._meta.concrete_fields]


def test_every_value_is_what_a_query_reads():
    account = an_account()
    made = [
        (Account, account),
        (Product, product := a_product()),
        (Video, a_video(account, product=product)),
        (LiveRoom, a_live(account)),
        (Market, Market.objects.get(code="ID")),
    ]
    for model, instance in made:
        read = model.objects.get(pk=instance.pk)
        found = rows.loaded(model, as_json(instance))
        assert values(found) == values(read)
        assert [type(value) for value in values(found)] == [type(value) for value in values(read)]
        assert (found._state.adding, found._state.db) == (False, "default")


def test_what_is_written_is_read_back_as_it_was():
    review = Review.objects.get(order=an_order())
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT r = t FROM orders_review t, json_populate_record(NULL::orders_review, %s) r WHERE t.id = %s",
            [rows.written(review), review.id],
        )
        assert cursor.fetchone() == (True,)
