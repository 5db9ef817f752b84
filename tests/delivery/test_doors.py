"""Charges and the diagnosis over REST, for the order's owner alone."""

import csv
import html
import io
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from delivery import diagnosis, hot
from delivery.models import PoisonEntry
from tests.api.callers import an_app, problem
from tests.builders import a_delivering_order, a_user, an_account
from tests.delivery.world import RESERVE, drained, looks, paced, shown, sold, told

pytestmark = pytest.mark.django_db


@pytest.fixture
def order():
    """An order with four charges and an impression that was not billed."""
    now = timezone.now()
    order = a_delivering_order(now=now)
    paced(order, now=now)
    looks(order, 1, start=now)
    shown(order, 4, now=now)
    told(sold(order, now=now), now=now + timedelta(seconds=1), visible_ms=3)
    drained(order, now=now)
    return order


def test_charges_are_listed_in_pages(order):
    app = an_app(order.account)
    first = app.get(f"/orders/{order.public_id}/charges?limit=3").json()
    rest = app.get(f"/orders/{order.public_id}/charges?limit=3&cursor={first['next']}").json()
    found = first["results"] + rest["results"]
    assert (len(first["results"]), rest["next"]) == (3, None)
    assert [one["valid"] for one in found] == [True] * 4 + [False]
    assert found[-1]["reason"] == "too_brief"
    assert {one["price_micros"] for one in found} == {RESERVE}
    assert len({one["id"] for one in found}) == 5


def test_charges_come_as_csv_for_who_asks_for_it(order):
    answer = an_app(order.account).get(f"/orders/{order.public_id}/charges", Accept="text/csv")
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))
    assert [row["valid"] for row in rows] == ["true"] * 4 + ["false"]
    assert sum(int(row["price_micros"]) for row in rows if row["valid"] == "true") == 4 * RESERVE


def test_the_diagnosis_speaks(order):
    found = an_app(order.account).get(f"/orders/{order.public_id}/diagnosis").json()
    assert found["minutes"] == 60
    assert found["spent_micros"] == 4 * RESERVE
    assert set(found["funnel"]) == {"considered", "targeted", "paced", "outbid", "capped", "shown"}
    assert found["advice"][0]["detail"].endswith(".")


@pytest.fixture
def redis_is_away(settings):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    hot.client.cache_clear()
    yield
    hot.client.cache_clear()


@pytest.mark.usefixtures("redis_is_away")
def test_while_redis_is_away_the_diagnosis_says_come_back_later():
    order = a_delivering_order(now=timezone.now() - timedelta(minutes=30))
    app = an_app(order.account)
    app.client.raise_request_exception = False
    answer = app.get(f"/orders/{order.public_id}/diagnosis")
    assert (answer.status_code, problem(answer)["code"]) == (503, "unavailable")


@pytest.mark.usefixtures("static_files")
def test_ops_read_why_an_order_is_slow_and_find_it_from_the_order(order):
    client = Client()
    client.force_login(a_user(is_staff=True, is_superuser=True))
    address = f"/admin/delivery/pacingstate/{order.id}/change/"
    assert address in client.get(f"/admin/orders/order/{order.id}/change/").content.decode()
    page = html.unescape(client.get(address).content.decode())
    assert any(str(sentence) in page for sentence in diagnosis.SENTENCES.values())
    for words in (*diagnosis.CHANCES.values(), *diagnosis.FATES.values(), "An even spend by now"):
        assert str(words) in page


@pytest.mark.parametrize("what", ["charges", "diagnosis"])
def test_another_accounts_order_is_not_found(order, what):
    other = an_app(an_account())
    assert problem(other.get(f"/orders/{order.public_id}/{what}"))["code"] == "not_found"
    assert problem(other.get(f"/orders/ord_nonsense/{what}"))["code"] == "not_found"
    csv_of_another = other.get(f"/orders/{order.public_id}/{what}", Accept="text/csv")
    assert csv_of_another.status_code == 404


def test_a_cursor_of_another_list_is_refused(order):
    answer = an_app(order.account).get(f"/orders/{order.public_id}/charges?cursor=made-up")
    assert problem(answer)["code"] == "invalid"


@pytest.mark.usefixtures("static_files")
def test_ops_see_shards_and_put_poison_back(order):
    client = Client()
    client.force_login(a_user(is_staff=True, is_superuser=True))
    for page in ("shard", "pacingstate", "barrier", "poisonentry"):
        assert client.get(f"/admin/delivery/{page}/").status_code == 200
    entry = PoisonEntry.objects.create(
        shard=order.shard,
        generation=1,
        stream_id="1-1",
        fields=PoisonEntry.kept({b"x": b"y"}),
        error="x",
        at=timezone.now(),
    )
    answer = client.post(
        "/admin/delivery/poisonentry/", {"action": "replay_chosen", "_selected_action": [str(entry.id)]}, follow=True
    )
    assert answer.status_code == 200
    entry.refresh_from_db()
    assert entry.replayed_at is not None
