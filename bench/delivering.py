"""Edge, workers and clock beside engines of a bench's own, orders that came their whole way, and who watches them."""

import asyncio
import contextlib
import json
import math
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from typing import Any

from bench import system
from bench.running import Say
from bench.system import HOUSE
from sandbox.http import Client, Unreachable

COINS = 100_000
_HANDS = ThreadPoolExecutor(1)
"""One thread for all that is broken: an engine that it starts would go with it, so it stays."""
SLOTS = 10
CONNECTIONS = 8


class Parts:
    """Edge, workers and clock as a system has them, each in a session of its own, so that it dies whole and alone."""

    def __init__(self, folder: Any, port: int) -> None:
        from promote.config import processes

        self.edge_url = f"http://127.0.0.1:{port}"
        workers = {process.name: process.arguments for process in processes.workers()}
        self._workers = tuple(workers)
        self._commands = {
            "edge": processes.edge(port).arguments,
            "beat": processes.beat(folder).arguments,
            **workers,
        }
        self._lock = threading.Lock()
        self._running = {name: self._start(name) for name in self._commands}

    def kill_edge(self) -> None:
        self._kill(["edge"])
        self.wait_for_edge()

    def wait_for_edge(self) -> None:
        system.wait(self._running["edge"], f"{self.edge_url}/health/ready")

    def kill_workers(self) -> None:
        """All of them at once: nobody takes up what another left."""
        self._kill(self._workers)

    def pids(self) -> dict[str, int]:
        return {name: process.pid for name, process in self._running.items()}

    def mend(self, stop: threading.Event) -> None:
        """Starts again what died, as the supervisor does."""
        while not stop.wait(1.0):
            with self._lock:
                for name, process in self._running.items():
                    if process.poll() is not None:
                        self._running[name] = self._start(name)

    def stop(self) -> None:
        for process in self._running.values():
            system.stop(process)

    def _kill(self, names: Sequence[str]) -> None:
        with self._lock:
            for name in names:
                os.killpg(self._running[name].pid, signal.SIGKILL)
            for name in names:
                self._running[name].wait()
                self._running[name] = self._start(name)

    def _start(self, name: str) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(self._commands[name], cwd=HOUSE, start_new_session=True)


@contextlib.contextmanager
def served() -> Iterator[Parts]:
    from django.conf import settings

    parts = Parts(settings.PROMOTE_DATA, system.free_port())
    stop = threading.Event()
    mending = threading.Thread(target=parts.mend, args=(stop,), daemon=True)
    try:
        parts.wait_for_edge()
        mending.start()
        yield parts
    finally:
        stop.set()
        parts.stop()


class Audience:
    """Decisions and their impressions, until enough were taken, at most `per_s` a second, by so many people who come
    again in turns; with `breaks`, one of them at each equal part of the way."""

    def __init__(
        self,
        edge: str,
        key: str,
        charges: int,
        breaks: Mapping[str, Callable[[], None]],
        say: Say,
        *,
        per_s: float = math.inf,
        people: int = 10**9,
    ) -> None:
        self.client = Client(edge, {"Authorization": f"Api-Key {key}"})
        self.charges, self.breaks, self.say = charges, breaks, say
        self.per_s, self.people, self.began = per_s, people, time.monotonic()
        self.taken = self.viewers = self.lost_calls = 0
        self.broken: list[str] = []
        self.next_at, self.reached = charges, asyncio.Event()

    async def run(self) -> dict[str, Any]:
        self.began = time.monotonic()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._break())
            for _ in range(CONNECTIONS):
                tasks.create_task(self._watch())
        await self.client.close()
        return {
            "accepted": self.taken,
            "accepted_per_s": round(self.taken / (time.monotonic() - self.began)),
            "lost_calls": self.lost_calls,
            "broken": self.broken,
        }

    async def _break(self) -> None:
        for number, (name, work) in enumerate(self.breaks.items(), 1):
            self.next_at = self.charges * number // (len(self.breaks) + 1)
            self.reached.clear()
            await self.reached.wait()
            self.say(f"{self.taken} taken; now {name}")
            await asyncio.get_running_loop().run_in_executor(_HANDS, work)
            self.broken.append(name)

    async def _watch(self) -> None:
        while self.taken < self.charges:
            await asyncio.sleep(self.began + self.taken / self.per_s - time.monotonic())
            self.viewers += 1
            id_ = f"viewer-{self.viewers % self.people}"
            viewer = {"id": id_, "country": "US", "age_band": "25-34", "gender": "female"}
            asked = {"viewer": viewer, "surface": "feed", "slots": [{}] * SLOTS}
            answer = await self._call("/v1/decide", asked)
            tokens = [one["token"] for one in answer.get("decisions", ()) if "token" in one]
            if not tokens:
                await asyncio.sleep(0.05)
                continue
            seen = {"type": "impression", "visible_ms": 1500, "visible_share": 0.9}
            await self._tell([{"token": token, "at": datetime.now(UTC).isoformat(), **seen} for token in tokens])

    async def _tell(self, events: list[dict[str, Any]]) -> None:
        """Told again until somebody takes it, as a platform does: what was taken before is a duplicate."""
        until = time.monotonic() + 60
        while time.monotonic() < until:
            results = (await self._call("/v1/events", {"events": events})).get("results")
            if results is not None:
                self.taken += sum(one["status"] in ("accepted", "duplicate") for one in results)
                if self.taken >= self.next_at:
                    self.reached.set()
                return
            await asyncio.sleep(0.2)

    async def _call(self, path: str, body: Any) -> dict[str, Any]:
        """Nothing where nobody answered well."""
        try:
            answer = await self.client.post(path, body)
        except Unreachable:
            self.lost_calls += 1
            return {}
        if answer.status not in (200, 202):
            self.lost_calls += 1
            return {}
        told: dict[str, Any] = json.loads(answer.body)
        return told


async def for_a_time(
    parts: Parts, key: str, seconds: float, say: Say, *, per_s: float = math.inf, people: int = 10**9
) -> float:
    """Impressions a second that were taken."""
    audience = Audience(parts.edge_url, key, 10**9, {}, say, per_s=per_s, people=people)
    watching = asyncio.create_task(audience.run())
    await asyncio.sleep(seconds)
    audience.charges = 0
    return float((await watching)["accepted_per_s"])


def an_order(number: int) -> Any:
    """The id of an order that came its whole way."""
    from orders import lifecycle, placement, quotes
    from orders.models import Order
    from payments import wallet
    from promote.accounts.models import Account
    from promote.catalogue.models import Video
    from promote.eligibility import BROWSER

    name, now = f"drill-{number}", datetime.now(UTC)
    account = Account.objects.create(
        external_id=name, username=name, type="business", country="US", birth_date=date(1990, 1, 1),
        source_updated_at=now,
    )  # fmt: skip
    video = Video.objects.create(
        external_id=name, account=account, caption="Batik", visibility="public", status="active", duration_s=21,
        source_updated_at=now,
    )  # fmt: skip
    wallet.grant(account=account, coins=COINS, key=name, now=now, reason="drill")
    quote = quotes.make(
        account=account, caller=BROWSER, target=video, now=now, objective="video_views", budget_coins=COINS,
        duration_s=86_400, audience={"automatic": True},
    )  # fmt: skip
    order = placement.place(account=account, quote=quote.sealed, key=name, caller=BROWSER, now=now)
    lifecycle.start(order, by=None, why="approved", now=now)
    return Order.objects.get(id=order.id).id


def a_key() -> str:
    from promote.keys import platform_keys

    return platform_keys.create(name="drill", scopes=["delivery"], now=datetime.now(UTC))[1]
