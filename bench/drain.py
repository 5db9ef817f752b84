"""Events from HTTP to committed rows, rollups and charges, beside PostgreSQL's own COPY of the same rows, in one run.

Alone: streams that are full, drained by two processes. End to end: an edge, the workers and the clock as they are
served, all on the machine's cores with the client; then half of that, to see how soon an event is in its row.
"""

import argparse
import asyncio
import io
import json
import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from statistics import median, quantiles
from typing import Any
from uuid import UUID

from bench import alone, live_orders
from bench.running import Say
from bench.system import HOUSE
from sandbox.http import Client

ORDERS = 1_000
ALONE, WHOLE, HALF_FOR_S = 60_000, 120_000, 10.0
"""Events."""
A_CALL = 500
CONNECTIONS = 4
PRICE_MICROS = 2_000
WITHIN_S = 240


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--cluster", action="store_true", help="the hot data on a Redis Cluster of three nodes")
    parser.add_argument("--processes", type=int, default=2, help="so many drain alone, and half as many are the edge")


def run(say: Say, *, cluster: bool = False, processes: int = 2) -> dict[str, Any]:
    with alone.house(say, cores=alone.CORES, hot="cluster" if cluster else "socket") as data:
        live_orders.add(ORDERS)
        live_orders.fund()
        orders = live_orders.release()
        say(f"filling the streams with {ALONE} events")
        _fill(_tokens(orders, ALONE // 2))
        took = _drain_all(say, sorted(set(orders.values())), processes)
        copied, bare = _copy_again(say)
        tokens = [_tokens(orders, WHOLE // 2), _tokens(orders, WHOLE // 2)]
        key = live_orders.a_key()
        with _served(data, max(1, processes // 2)) as edge:
            say(f"{WHOLE} events, end to end")
            per_s = asyncio.run(_whole(edge, key, tokens[0]))
            say(f"{per_s:.0f} a second; now half of that")
            fresh = asyncio.run(_half(edge, key, tokens[1], per_s / 2))
        over = _over_delivered()
    return {
        "bench": "drain",
        "drain_vs_copy": round(ALONE / took / copied, 3),
        "events_vs_copy": round(per_s / bare, 4),
        "freshness_p99_s": round(quantiles(fresh, n=100)[98], 2),
        "overdelivery_share": over,
        "per_s": {
            "drain": round(ALONE / took),
            "copy": round(copied),
            "bare_copy": round(bare),
            "events": round(per_s),
        },
        "freshness_p50_s": round(median(fresh), 2),
        "on_a_cluster": cluster,
    }


def _tokens(orders: dict[UUID, int], count: int) -> list[Any]:
    """Decisions, reserved for."""
    from delivery import hot
    from delivery.engine.tokens import ACTION_LIFE_S, IMPRESSION_LIFE_S, Token
    from delivery.models import Shard
    from promote import ids

    generations = dict(Shard.objects.values_list("id", "generation"))
    now = int(time.time())
    each = count // len(orders)
    made: list[list[Any]] = []
    for order, shard in orders.items():
        mine = [
            Token(
                id=ids.new(), order=order, shard=shard, generation=generations[shard], price_micros=PRICE_MICROS,
                viewer=len(made) * each + number, slot=0, decided_at=now, day=now // 86_400,
                impression_until=now + IMPRESSION_LIFE_S,
                action_until=now + ACTION_LIFE_S, surface=0, country="US", age_band=number % 5, gender=number % 3,
            )
            for number in range(each)
        ]  # fmt: skip
        calls = [
            hot.reserve(
                shard=shard, generation=generations[shard], order=order.bytes, until_s=now + IMPRESSION_LIFE_S,
                token=token.id.bytes, price_micros=token.price_micros, viewer=token.viewer, cap=hot.Cap(30, 86_400),
            )
            for token in mine
        ]  # fmt: skip
        if hot.run(hot.client(), *calls) != [hot.DONE] * each:
            raise RuntimeError("Too little is released for so many tokens.")
        made.append(mine)
    return [token for some in zip(*made, strict=True) for token in some]


def _fill(tokens: Sequence[Any]) -> None:
    """An impression and a view of each, as the edge appends them."""
    from delivery import entries, hot, seen
    from delivery.engine.tokens import pack

    calls = []
    now_ms = int(time.time() * 1000)
    facts: dict[str, Any] = {"at_ms": now_ms, "received_ms": now_ms, "visible_ms": 1200, "visible_share": 0.9}
    for token in tokens:
        sealed = pack(token)
        both = [
            hot.Event(token.generation, token.id.bytes, 1 << code, PRICE_MICROS, token.order.hex,
                      entries.pack(entries.Told(token=sealed, type=code, **facts)))
            for code in (0, 1)
        ]  # fmt: skip
        minute = seen.minute(token.impression_until)
        kept_for_s = seen.kept_for_s(minute, now=now_ms / 1000)
        calls.append(
            hot.take(shard=token.shard, generation=token.generation, minute=minute, kept_for_s=kept_for_s, events=both)
        )
    for start in range(0, len(calls), 1000):
        hot.run(hot.client(), *calls[start : start + 1000])


def _drain_all(say: Say, shards: Sequence[int], processes: int) -> float:
    """Seconds for all of it, with processes that are ready."""
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"), initializer=_ready) as pool:
        list(pool.map(_drain, [-1] * processes))
        began = time.monotonic()
        done = sum(pool.map(_drain, shards))
        took = time.monotonic() - began
    say(f"drained {done} events in {took:.2f} s")
    if done != ALONE:
        raise RuntimeError(f"{done} of {ALONE} events were drained.")
    return took


def _ready() -> None:
    import django

    django.setup()


def _drain(shard: int) -> int:
    from django.db import connection

    from delivery import drain
    from promote.config.celery import settle_memory

    if shard < 0:  # only to be there, as a worker is
        settle_memory()
        connection.ensure_connection()
        time.sleep(0.5)
        return 0
    return drain.drain(shard=shard, now=datetime.now(UTC), batches=1000)


def _copy_again(say: Say) -> tuple[float, float]:
    """Rows a second that COPY takes: into a partition with its indexes, and into a bare table."""
    from django.db import connections

    with connections["owner"].cursor() as cursor:
        cursor.execute("SELECT tableoid::regclass::text FROM delivery_event LIMIT 1")
        partition = cursor.fetchone()[0]
        rows = io.BytesIO()
        cursor.copy_expert(f"COPY {partition} TO STDOUT (FORMAT binary)", rows)
        count = ALONE
        told = []
        for including in ("INCLUDING ALL", ""):
            took = []
            for _ in range(3):
                cursor.execute(f"CREATE TABLE copied (LIKE {partition} {including})")
                rows.seek(0)
                began = time.monotonic()
                cursor.copy_expert("COPY copied FROM STDIN (FORMAT binary)", rows)
                took.append(time.monotonic() - began)
                cursor.execute("DROP TABLE copied")
            told.append(count / median(took))
    say(f"COPY: {told[0]:.0f} rows a second with indexes, {told[1]:.0f} without")
    return told[0], told[1]


@contextmanager
def _served(data: Any, edges: int) -> Iterator[str]:
    """An edge of so many processes, workers and clock; the edge's address."""
    from promote.config import children, processes

    with ExitStack() as stack:
        edge = stack.enter_context(alone.edge(cores=alone.CORES, processes=edges))
        for process in (*processes.workers(), processes.beat(data)):
            started = children.spawn(
                process.arguments,
                environment=os.environ,
                cwd=HOUSE,
                output=sys.stderr.fileno(),
                death_signal=process.death_signal,
            )
            stack.callback(children.stop, started, escalation=process.escalation)
        time.sleep(5)
        yield edge.url


def _bodies(tokens: Sequence[Any]) -> list[bytes]:
    from delivery.engine.tokens import seal
    from promote.keys import keyring

    keys, at = keyring.from_settings(), datetime.now(UTC).isoformat()
    seen = {"visible_ms": 1200, "visible_share": 0.9, "at": at}
    sealed = [seal(keys, token) for token in tokens]
    events = [{"token": one, "type": type_, **seen} for one in sealed for type_ in ("impression", "view_2s")]
    return [json.dumps({"events": events[at : at + A_CALL]}).encode() for at in range(0, len(events), A_CALL)]


async def _whole(edge: str, key: str, tokens: Sequence[Any]) -> float:
    """Events a second from the first call until all are in their rows."""
    bodies = _bodies(tokens)
    before = await asyncio.to_thread(_stored)
    began = time.monotonic()
    await _send(edge, key, bodies, lambda _number: 0.0)
    await _until_stored(before + 2 * len(tokens))
    return 2 * len(tokens) / (time.monotonic() - began)


async def _half(edge: str, key: str, tokens: Sequence[Any], per_s: float) -> list[float]:
    """Seconds from a call until its event is in its row, for one of each call, where so many events come a second."""
    bodies = _bodies(tokens)[: max(20, int(per_s * HALF_FOR_S / A_CALL))]
    waiting: dict[UUID, float] = {}
    took: list[float] = []
    began = time.monotonic()

    def due(number: int) -> float:
        return began + number * A_CALL / per_s

    def told(number: int) -> None:
        waiting[tokens[number * A_CALL // 2].id] = time.monotonic()

    sending = asyncio.create_task(_send(edge, key, bodies, due, told))
    while not sending.done() or waiting:
        found = await asyncio.to_thread(_found, list(waiting))
        took += [time.monotonic() - waiting.pop(token) for token in found]
        # Asked more often, the asking itself would be a tenth of the work.
        await asyncio.sleep(0.05)
        if time.monotonic() - began > WITHIN_S:
            raise RuntimeError(f"{len(waiting)} events were not stored in time.")
    await sending
    return took


async def _send(
    edge: str,
    key: str,
    bodies: Sequence[bytes],
    due: Callable[[int], float],
    sending: Callable[[int], None] = lambda _number: None,
) -> None:
    client = Client(edge, {"Authorization": f"Api-Key {key}", "Content-Type": "application/json"})
    numbers = iter(range(len(bodies)))

    async def one() -> None:
        for number in numbers:
            await asyncio.sleep(max(0.0, due(number) - time.monotonic()))
            sending(number)
            answer = await client.call("POST", "/v1/events", bodies[number])
            if answer.status != 202 or b'"refused"' in answer.body:
                raise RuntimeError(f"The edge answered {answer.status}: {answer.body[:200]!r}")

    async with asyncio.TaskGroup() as tasks:
        for _ in range(CONNECTIONS):
            tasks.create_task(one())
    await client.close()


async def _until_stored(count: int) -> None:
    end = time.monotonic() + WITHIN_S
    while (stored := await asyncio.to_thread(_stored)) < count:
        if time.monotonic() > end:
            raise RuntimeError(f"Only {stored} of {count} events were stored in {WITHIN_S} s.")
        await asyncio.sleep(0.05)


def _stored() -> int:
    """By the rollups, which are committed with the rows and quickly read."""
    from django.db.models import Sum

    from delivery.models import MinuteRollup

    sums = MinuteRollup.objects.aggregate(shown=Sum("impressions"), seen=Sum("view_2s"))
    return (sums["shown"] or 0) + (sums["seen"] or 0)


def _found(tokens: list[UUID]) -> list[UUID]:
    from delivery.models import Event

    today = datetime.now(UTC).date()
    return list(Event.objects.filter(day=today, type=0, token__in=tokens).values_list("token", flat=True))


def _over_delivered() -> float:
    """The share of impressions that nobody pays for."""
    from delivery.models import Event

    shown = Event.objects.filter(type=0)
    return round(shown.filter(reason__in=["over_delivery", "order_closed"]).count() / shown.count(), 5)
