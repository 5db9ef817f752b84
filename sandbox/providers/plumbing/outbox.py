"""Signed notices to the merchant's endpoint: at least once, in no promised order, tried again for three days.

What a notice looks like and how it is signed is its provider's own (`compose`). The outbox can also misbehave on
demand, within what providers say may happen: an event delivered twice, late, out of order, or not at all.
`/_ctl/faults` sets them; without it every event goes out once, at once.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

from sandbox.providers.plumbing.store import Store

log = logging.getLogger("sandbox.outbox")

GIVE_UP_S = 3 * 24 * 3600
TIMEOUT_S = 10
_SENDERS = 4


@dataclass
class Target:
    """Where notices go. Two secrets while one is being replaced: each signs."""

    url: str = ""
    secrets: list[str] = field(default_factory=list)
    first_retry_s: float = 2.0


@dataclass
class Faults:
    """Shares from 0 to 1, of the events whose type is listed (of all, where none is)."""

    drop: float = 0.0
    duplicate: float = 0.0
    delay_s: float = 0.0
    reorder_s: float = 0.0
    seed: int = 1
    types: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Message:
    """A notice as it goes out."""

    url: str
    headers: dict[str, str]
    payload: bytes


class NotSent(Exception):
    """The merchant gave no token for a notice, or the like: it is tried again."""


Compose = Callable[[Target, dict[str, Any]], Message]


class Outbox:
    """`compose` makes a notice of an event, anew at each attempt. An event has `id`, `type` and `created`."""

    def __init__(self, store: Store, target: Target, compose: Compose) -> None:
        self.store, self.target, self._compose = store, target, compose
        self._wake = threading.Event()
        self._stopping = False
        self._senders = ThreadPoolExecutor(_SENDERS, thread_name_prefix="webhook")
        self.misbehave(Faults())

    def misbehave(self, faults: Faults) -> None:
        self.faults = faults
        self._random = random.Random(faults.seed)

    # filling

    def queue(self, event: dict[str, Any]) -> None:
        """Decide when, how often and whether the event goes out. Inside the caller's transaction."""
        if not self.target.url:
            return
        faults, copies, due = self.faults, 1, time.time()
        if not faults.types or event["type"] in faults.types:
            if self._random.random() < faults.drop:
                self._add(event["id"], due, state="dropped")
                return
            copies += self._random.random() < faults.duplicate
            due += faults.delay_s
        for _ in range(copies):
            self._add(event["id"], due + self._random.random() * faults.reorder_s)
        self._wake.set()

    def resend(self, event_id: str) -> None:
        with self.store.transaction():
            self._add(event_id, time.time())
        self._wake.set()

    def _add(self, event_id: str, due: float, state: str = "waiting") -> None:
        self.store.execute("INSERT INTO deliveries (event, due, state) VALUES (?, ?, ?)", (event_id, due, state))

    # emptying

    def start(self) -> None:
        self.store.execute("UPDATE deliveries SET state = 'waiting' WHERE state = 'sending'")
        self._thread = threading.Thread(target=self._run, name="webhook-outbox", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopping = True
        self._wake.set()
        self._thread.join(timeout=2)
        self._senders.shutdown(wait=False, cancel_futures=True)

    def _run(self) -> None:
        while not self._stopping:
            self._wake.clear()
            for delivery_id, event_id, attempt in self._claim():
                self._senders.submit(self._deliver, delivery_id, event_id, attempt)
            self._wake.wait(self._pause())

    def _claim(self) -> list[tuple[int, str, int]]:
        with self.store.transaction():
            rows = self.store.execute(
                "UPDATE deliveries SET state = 'sending', attempt = attempt + 1 "
                "WHERE id IN (SELECT id FROM deliveries WHERE state = 'waiting' AND due <= ? ORDER BY due LIMIT 50) "
                "RETURNING id, event, attempt, due",
                (time.time(),),
            )
        return [(row[0], row[1], row[2]) for row in sorted(rows, key=lambda row: (row[3], row[0]))]

    def _pause(self) -> float:
        ((due,),) = self.store.execute("SELECT min(due) FROM deliveries WHERE state = 'waiting'")
        return 60.0 if due is None else max(0.0, min(60.0, due - time.time()))

    def _deliver(self, delivery_id: int, event_id: str, attempt: int) -> None:
        event = self.store.get("event", event_id)
        answer = self._post(event) if event else "the event is gone"
        state, due = ("delivered", 0.0) if answer.startswith("2") else self._after_failure(event, attempt)
        with self.store.transaction():
            self.store.execute(
                "UPDATE deliveries SET state = ?, due = CASE WHEN ? > 0 THEN ? ELSE due END, answer = ?, last_at = ? "
                "WHERE id = ?",
                (state, due, due, answer, time.time(), delivery_id),
            )
            if state == "delivered" and event:
                self.store.update(event, pending_webhooks=0)
        log.info("%s %s: %s (attempt %s)", event_id, event["type"] if event else "?", answer, attempt)
        self._wake.set()

    def _after_failure(self, event: dict[str, Any] | None, attempt: int) -> tuple[str, float]:
        wait = self.target.first_retry_s * 3 ** (attempt - 1)
        if event is None or time.time() + wait > event["created"] + GIVE_UP_S:
            return "given_up", 0.0
        return "waiting", time.time() + wait

    def _post(self, event: dict[str, Any]) -> str:
        """The status as text, or what went wrong."""
        try:
            message = self._compose(self.target, event)
            return str(post(message).status)
        except (OSError, HTTPException, NotSent) as error:
            return f"{type(error).__name__}: {error}"[:200]


@dataclass(frozen=True)
class Posted:
    status: int
    body: bytes


def post(message: Message) -> Posted:
    """Redirects are not followed. Raises OSError, HTTPException."""
    url = urlsplit(message.url)
    kind = HTTPSConnection if url.scheme == "https" else HTTPConnection
    connection = kind(url.hostname or "", url.port, timeout=TIMEOUT_S)
    try:
        connection.request("POST", url.path or "/", message.payload, message.headers)
        answer = connection.getresponse()
        return Posted(answer.status, answer.read(64 * 1024))
    finally:
        connection.close()
