"""Live figures: for the owner alone, within two seconds of the events."""

import contextlib
import json
import threading
import time
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from delivery import streams
from promote.keys import jwt, keyring
from tests.builders import a_delivering_order, an_account
from tests.delivery.edge import Platform, a_key, an_edge, impression, until
from tests.delivery.test_crashes import tokens_of
from tests.delivery.test_edge import delivering
from tests.delivery.world import RESERVE, drained


def bearer(account):
    return {"Authorization": f"Bearer {jwt.issue(account=account, app_platform='ios', now=datetime.now(UTC)).access}"}


class Reader:
    """A page that watches an order."""

    def __init__(self, url, **headers):
        self.figures = []
        self._thread = threading.Thread(target=self._read, args=(url, headers), daemon=True)
        self._thread.start()

    def _read(self, url, headers):
        # The edge ends with the test, or with its module: that ends the reading too.
        with (
            contextlib.suppress(httpx.TransportError),
            httpx.stream("GET", url, headers=headers, timeout=20) as response,
        ):
            for line in response.iter_lines():
                if line.startswith("data: "):
                    self.figures.append((time.monotonic(), json.loads(line[6:])))

    def until(self, wanted, seconds):
        return until(lambda: next((pair for pair in self.figures if wanted(pair[1])), None), seconds=seconds)


def test_the_owner_sees_figures_and_nobody_else(edge, platform):
    order = delivering()
    path = f"{edge}/v1/live/{order.public_id}"
    reader = Reader(path, **bearer(order.account))
    _at, first = reader.until(lambda told: told["order"] == order.public_id, 5)
    assert (first["spent_micros"], first["left_coins"], first["status"]) == (0, 1000, "delivering")
    token = until(lambda: next((one["token"] for one in platform.decisions() if "token" in one), None))
    platform.results(impression(token))
    drained(order, now=datetime.now(UTC))
    _at, then = reader.until(lambda told: told["impressions"] == 1, 3)
    assert (then["spent_micros"], then["results"]["unit"]) == (RESERVE, "view_2s")
    for answer, status in (
        (httpx.get(path), 401),
        (httpx.get(path, headers={"Authorization": "Bearer nonsense"}), 401),
        (httpx.get(path, headers=bearer(an_account())), 404),
        (httpx.get(f"{edge}/v1/live/ord_{'0' * 32}", headers=bearer(order.account)), 404),
        (httpx.get(f"{edge}/v1/live/nonsense", headers=bearer(order.account)), 404),
    ):
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/problem+json"


def test_a_signed_address_opens_its_order_until_it_is_over(edge):
    order, other = delivering(), delivering()
    keys, now = keyring.from_settings(), datetime.now(UTC)
    url = streams.url(base=edge, order_id=order.id, keys=keys, now=now)
    assert Reader(url).until(lambda told: told["order"] == order.public_id, 5)
    assert httpx.get(url.replace(order.public_id, other.public_id)).status_code == 404
    assert httpx.get(url + "x").status_code == 401
    old = streams.url(base=edge, order_id=order.id, keys=keys, now=now - timedelta(days=1))
    assert httpx.get(old).status_code == 401


@pytest.mark.usefixtures("live_edge", "celery_worker_process")
def test_events_are_seen_within_two_seconds(world):
    order = a_delivering_order(now=datetime.now(UTC))
    platform = Platform(world.edge, a_key("delivery"))
    reader = Reader(f"{world.edge}/v1/live/{order.public_id}", **bearer(order.account))
    late = []
    seen = 0
    for _ in range(5):
        tokens = tokens_of(platform, order, 2)
        told_at = time.monotonic()
        platform.results(*map(impression, tokens))
        seen += len(tokens)
        at, _told = reader.until(lambda told, seen=seen: told["impressions"] >= seen, 10)
        late.append(at - told_at)
    assert sorted(late)[2] < 2.0, late


@pytest.mark.django_db(transaction=True)
def test_the_edge_stops_at_once_though_somebody_watches(run, committed_db):
    order = delivering()
    with an_edge(run, committed_db) as url:
        signed = streams.url(base=url, order_id=order.id, keys=keyring.from_settings(), now=datetime.now(UTC))
        Reader(signed).until(lambda told: told["order"] == order.public_id, 5)
        stopped_at = time.monotonic()
    assert time.monotonic() - stopped_at < 5
