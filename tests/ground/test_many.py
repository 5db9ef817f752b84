from datetime import timedelta

import pytest
from django.db import DataError, IntegrityError, transaction

from promote import ids, many
from promote.notifications.models import Notification
from tests.builders import NOON, an_account

pytestmark = pytest.mark.django_db


def rows_for(account, *payloads):
    return [{"id": ids.new(), "account_id": account.id, "payload": payload} for payload in payloads]


def test_rows_arrive_as_they_were_given_and_in_their_order():
    account = an_account()
    payloads = [{"title": "“Batik” 100 % \\ 'quoted'"}, {}, {"coins": 2**60, "deep": [None, True]}]
    many.insert(Notification, rows_for(account, *payloads), kind="order_placed", created_at=NOON)
    rows = list(Notification.objects.order_by("id"))
    assert [row.payload for row in rows] == payloads
    assert {(row.account_id, row.kind, row.created_at, row.read_at) for row in rows} == {
        (account.id, "order_placed", NOON, None)
    }


def test_what_is_too_long_is_refused_and_not_cut():
    with pytest.raises(DataError), transaction.atomic():
        many.insert(Notification, rows_for(an_account(), {}), kind="k" * 65, created_at=NOON)


def test_constraints_hold():
    rows = [{"id": ids.new(), "account_id": ids.new(), "payload": {}}]
    with pytest.raises(IntegrityError), transaction.atomic():
        many.insert(Notification, rows, kind="order_placed", created_at=NOON)
        with transaction.get_connection().cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def test_only_rows_that_are_as_expected_change_and_are_counted():
    account = an_account()
    first, second = rows_for(account, {"n": 1}, {"n": 2})
    many.insert(Notification, [first, second], kind="order_placed", created_at=NOON)
    Notification.objects.filter(id=second["id"]).update(kind="order_ended")
    later = NOON + timedelta(hours=1)
    changes = [{"id": row["id"], "payload": {"n": 9}} for row in (first, second)]
    assert many.update(Notification, changes, where={"kind": "order_placed"}, read_at=later) == 1
    assert list(Notification.objects.order_by("id").values_list("payload", "read_at")) == [
        ({"n": 9}, later),
        ({"n": 2}, None),
    ]


def test_no_rows_are_no_statement(django_assert_num_queries):
    with django_assert_num_queries(0):
        many.insert(Notification, [])
        assert many.update(Notification, [], where={}) == 0
