"""What dies in the middle leaves nothing half done: a drain between COPY and commit, the worker, the edge."""

import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import pytest

from delivery import hot
from delivery.models import Barrier, HourRollup, PoisonEntry, Shard
from orders import lifecycle
from orders.models import EndReason, Order
from payments.audit.running import run as run_audit
from tests.builders import NOON, a_delivering_order
from tests.delivery.edge import Platform, a_key, impression, until
from tests.delivery.world import (
    RESERVE,
    a_token,
    charged_in_events,
    drained,
    events_of,
    left,
    looks,
    paced,
    shown,
    sold,
    spent,
    told,
)
from tests.harness.private import PrivateEngines
from tests.harness.run import ROOT, make_redis

DRAIN_THAT_HANGS = """
import time
import django
django.setup()
from datetime import UTC, datetime
from delivery import drain, rollups
def hang(rows):
    print("copied", flush=True)
    time.sleep(60)
rollups.add = hang
drain.drain(shard={shard}, now=datetime.now(UTC))
"""


def a_process(run, database, script):
    environment = {**os.environ, **run.environment(database)}
    command = [sys.executable, "-c", script]
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)


@pytest.mark.django_db(transaction=True)
def test_a_drain_killed_between_copy_and_commit_is_as_if_it_had_never_been(run, committed_db):
    now = datetime.now(UTC)
    order = a_delivering_order(now=now)
    paced(order, now=now)
    shown(order, 5, now=now)
    child = a_process(run, committed_db, DRAIN_THAT_HANGS.format(shard=order.shard))
    try:
        assert child.stdout is not None
        assert child.stdout.readline().strip() == "copied"
        child.send_signal(signal.SIGKILL)
    finally:
        child.kill()
        child.wait()
    assert (spent(order), events_of(order).count()) == (0, 0)
    # The next one begins when the lease of the dead one is over.
    until(lambda: drained(order, now=now), seconds=20)
    assert (spent(order), events_of(order).count()) == (5 * RESERVE, 5)
    assert HourRollup.objects.get(order=order, dimension="all").valid_impressions == 5
    assert run_audit().ok


@pytest.mark.django_db(transaction=True)
def test_a_drain_that_slept_through_its_successor_changes_nothing_when_it_wakes(run, committed_db):
    now = datetime.now(UTC)
    order = a_delivering_order(now=now)
    paced(order, now=now)
    shown(order, 5, now=now)
    script = DRAIN_THAT_HANGS.replace("rollups.add = hang", "")
    script = script.replace("def hang", "fetch = drain.fetch\ndef hang").replace(
        "drain.drain(", "drain.fetch = lambda **k: (found := fetch(**k), hang(found))[0]\ndrain.drain("
    )
    script = script.replace("time.sleep(60)", "import os, signal; os.kill(os.getpid(), signal.SIGSTOP)")
    child = a_process(run, committed_db, script.format(shard=order.shard))
    try:
        assert child.stdout is not None
        assert child.stdout.readline().strip() == "copied"
        until(lambda: drained(order, now=now), seconds=20)
        os.kill(child.pid, signal.SIGCONT)
        child.wait(10)
    finally:
        child.kill()
        child.wait()
    assert (spent(order), events_of(order).count()) == (5 * RESERVE, 5)
    assert run_audit().ok


@pytest.fixture
def own_redis(run, settings):
    """As durable as production's. Django here is on it."""
    folder = run.folder / f"redis-{secrets.token_hex(4)}"
    folder.mkdir(mode=0o711)
    redis = make_redis(folder)
    redis.start()
    settings.REDIS_URL = redis.url()
    hot.client.cache_clear()
    yield redis
    hot.client.cache_clear()
    redis.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.django_db
@pytest.mark.parametrize("is_file_lost", [False, True])
def test_a_redis_killed_with_what_was_told_and_reserved_bills_each_impression_once(own_redis, is_file_lost):
    order = a_delivering_order()
    half = order.cost_micros // 2
    paced(order)
    billed = shown(order, 2)
    drained(order)
    looks(order, 2)
    waiting, unseen = shown(order, 2), sold(order)
    PrivateEngines.kill(own_redis)
    if is_file_lost:
        (own_redis.folder / "appendonly.aof").unlink()
    own_redis.start()
    now = looks(order, 3, start=NOON + timedelta(seconds=3))
    assert Shard.objects.get(id=order.shard).generation == 2
    # Who is not sure that it arrived tells all of it again.
    again = [told(token, now=now) for token in (*billed, *waiting, unseen)]
    assert again == [hot.DONE] * 5 if is_file_lost else [hot.DUPLICATE] * 4 + [hot.DONE]
    drained(order, now=now)
    later, dear, too_dear = sold(order, now=now), *(a_token(order, generation=1, price_micros=half) for _ in range(2))
    for token in (later, dear, too_dear):
        told(token, now=now)
    now = looks(order, 2, start=now)
    drained(order, now=now)
    once = sorted(token.id for token in (*billed, *waiting, unseen, later, dear))
    assert sorted(events_of(order, charged=True).values_list("token", flat=True)) == once
    assert spent(order) == charged_in_events(order) == 6 * RESERVE + half < order.cost_micros
    assert not PoisonEntry.objects.exists()
    hours = HourRollup.objects.filter(order=order, dimension="all")
    assert sum(hours.values_list("charged_micros", flat=True)) == spent(order)
    report = run_audit()
    assert report.ok, report


def tokens_of(platform, order, count):
    """So many tokens, of many viewers, as the pacer releases them."""
    tokens: list[str] = []

    def enough():
        viewer = {"id": f"v{len(tokens)}-{time.monotonic()}", "country": "US", "age_band": "25-34"}
        answers = platform.decisions(viewer=viewer)
        tokens.extend(answer["token"] for answer in answers if answer.get("order") == order.public_id)
        return len(tokens) >= count

    until(enough, seconds=30, every=0.01)
    return tokens


@pytest.mark.usefixtures("live_edge", "celery_worker_process")
def test_an_order_delivers_and_is_refunded_through_crashes_of_all_parts(world, live_edge, celery_worker_process):
    order = a_delivering_order(now=datetime.now(UTC))
    platform = Platform(world.edge, a_key("delivery"))
    first = tokens_of(platform, order, 10)
    assert platform.results(*map(impression, first)) == ["accepted"] * 10
    until(lambda: spent(order) >= 10 * RESERVE, seconds=10)

    celery_worker_process.kill()
    second = tokens_of(platform, order, 3)
    assert platform.results(*map(impression, second)) == ["accepted"] * len(second)
    live_edge.kill()
    live_edge.start()
    celery_worker_process.start()
    assert until(lambda: platform.http.get("/health/ready").status_code == 200, seconds=20)
    assert set(platform.results(*map(impression, first + second))) == {"duplicate"}

    hot.client().flushdb()
    third = tokens_of(platform, order, 5)
    assert platform.results(*map(impression, third)) == ["accepted"] * len(third)
    until(lambda: Shard.objects.get(id=order.shard).generation >= 2, seconds=10)

    lifecycle.end(order_id=order.id, reason=EndReason.SUSPENDED, by=None, now=datetime.now(UTC))
    until(lambda: Order.objects.get(id=order.id).status == "settled", seconds=20)
    order = Order.objects.get(id=order.id)
    charged = sum(events_of(order, charged=True).values_list("price_micros", flat=True))
    assert charged == order.charged_micros
    assert left(order) == 0
    assert Barrier.objects.get(order=order).drained_at is not None
    assert order.refunded_at - order.ended_at < timedelta(seconds=15)
    report = run_audit()
    assert report.ok, report
