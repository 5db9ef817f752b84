"""`GET /v1/live/{order}`: an order's figures as server-sent events, for its owner, within two seconds of the events.

One poll of the database serves every watcher of this process.
"""

import asyncio
import logging
from collections import defaultdict
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
from django.db import DatabaseError, InterfaceError, close_old_connections

from delivery import streams
from delivery.edge.background import in_thread
from delivery.edge.http import NOT_STORED, OPEN_TO_PAGES, Request, Stream
from delivery.edge.hub import Hub
from delivery.figures import Live, live
from promote import ids
from promote.keys import jwt
from promote.problems import Unavailable
from promote.refusals import NotAuthenticated, NotFound

log = logging.getLogger("promote.edge")
EVERY_S = 0.5
HEARTBEAT_S = 15.0
LONGEST_S = 3600.0
"""Then the browser connects again."""
MOST_WATCHERS = 2000
_HEADERS = (
    ("content-type", "text/event-stream; charset=utf-8"),
    NOT_STORED,
    ("x-accel-buffering", "no"),
    *OPEN_TO_PAGES,
)
_encoder = msgspec.json.Encoder()
Queue = asyncio.Queue[Live | None]
"""None ends the stream."""


class Watchers:
    """Who watches which order, and what was last known of each."""

    def __init__(self) -> None:
        self.stopping = False
        self._queues: dict[UUID, set[Queue]] = defaultdict(set)
        self._last: dict[UUID, Live] = {}
        self._task: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return sum(map(len, self._queues.values()))

    def add(self, order: UUID, first: Live) -> Queue:
        queue: Queue = asyncio.Queue(maxsize=8)
        queue.put_nowait(first)
        self._queues[order].add(queue)
        self._last[order] = first
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._poll())
        return queue

    def remove(self, order: UUID, queue: Queue) -> None:
        self._queues[order].discard(queue)
        if not self._queues[order]:
            del self._queues[order]
            self._last.pop(order, None)

    def stop(self) -> None:
        """Ends every stream, and takes no new one."""
        self.stopping = True
        if self._task is not None:
            self._task.cancel()
        for queues in self._queues.values():
            for queue in queues:
                while not queue.empty():
                    queue.get_nowait()
                queue.put_nowait(None)

    async def _poll(self) -> None:
        while self._queues:
            await asyncio.sleep(EVERY_S)
            try:
                found = await in_thread(_read, list(self._queues))
            except (DatabaseError, InterfaceError) as error:
                log.warning("edge: live figures: %s", error)
                continue
            for order, figures in found.items():
                if figures != self._last.get(order) and order in self._queues:
                    self._last[order] = figures
                    for queue in self._queues[order]:
                        if not queue.full():  # who reads so slowly gets the next one
                            queue.put_nowait(figures)


async def watch(hub: Hub, watchers: Watchers, request: Request, name: str) -> None:
    """Streams until the reader goes, or LONGEST_S. Raises NotAuthenticated, NotFound, Unavailable."""
    order, account = _asked(hub, request, name)
    first = (await in_thread(_read, [order])).get(order)
    if first is None or (account is not None and first.account != account):
        raise NotFound
    if watchers.stopping or len(watchers) >= MOST_WATCHERS:
        raise Unavailable
    queue = watchers.add(order, first)
    stream = request.stream(headers=_HEADERS)
    gone = asyncio.create_task(stream.until_gone())
    try:
        await _told_until(stream, queue, gone)
    finally:
        gone.cancel()
        watchers.remove(order, queue)
        stream.end()


def _asked(hub: Hub, request: Request, name: str) -> tuple[UUID, UUID | None]:
    """The order, and the account that asks for it: None where the address itself is signed."""
    order = ids.parse("ord", name)
    now = datetime.now(UTC)
    if text := request.query("t"):
        try:
            signed = streams.read(text, keys=hub.keyring, now=now)
        except streams.StreamLinkBroken:
            raise NotAuthenticated from None
        if signed != order:
            raise NotFound
        return order, None
    scheme, _, token = request.header(b"authorization").partition(" ")
    if scheme.lower() != "bearer":
        raise NotAuthenticated
    try:
        return order, jwt.read(token.strip(), keys=hub.keyring, now=now).account_id
    except jwt.TokenBroken:
        raise NotAuthenticated from None


async def _told_until(stream: Stream, queue: Queue, gone: asyncio.Task[None]) -> None:
    await stream.send(b"retry: 2000\n\n")
    end = asyncio.get_running_loop().time() + LONGEST_S
    while not gone.done() and asyncio.get_running_loop().time() < end:
        next_one = asyncio.ensure_future(queue.get())
        await asyncio.wait({next_one, gone}, timeout=HEARTBEAT_S, return_when=asyncio.FIRST_COMPLETED)
        if next_one.done():
            if (figures := next_one.result()) is None:
                break
            await stream.send(b"data: " + _encoder.encode(_told(figures)) + b"\n\n")
        else:
            next_one.cancel()
            if not gone.done():
                await stream.send(b": still here\n\n")


def _told(figures: Live) -> dict[str, Any]:
    """`spent_coins` and `left_coins` are rounded as the settlement would round them: the user's spend down."""
    left_micros = max(0, figures.cost_micros - figures.spent_micros)
    return {
        "order": ids.public("ord", figures.order),
        "status": figures.status,
        "end_reason": figures.end_reason or None,
        "cost_coins": figures.cost_micros // 1_000_000,
        "spent_micros": figures.spent_micros,
        "spent_coins": figures.spent_micros // 1_000_000,
        "left_micros": left_micros,
        "left_coins": -(-left_micros // 1_000_000),
        "impressions": figures.impressions,
        "valid_impressions": figures.valid_impressions,
        "actions": figures.actions,
        "results": {"unit": figures.unit, "count": figures.actions.get(figures.unit, 0)},
        "starts_at": figures.starts_at,
        "ends_at": figures.ends_at,
    }


def _read(orders: list[UUID]) -> dict[UUID, Live]:
    close_old_connections()
    return live(orders)
