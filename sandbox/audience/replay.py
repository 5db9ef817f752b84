"""The audience at its screens: people arrive by the hour's traffic, the edge decides, what they do is sent when due."""

import asyncio
import heapq
import itertools
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from sandbox.audience.behaviour import Act, Shown, react
from sandbox.audience.curves import draw_floor_micros
from sandbox.audience.people import Audience, Person, passer_by, traffic
from sandbox.http import Answer, Client, Unreachable

FLUSH_S: Final = 0.25
LARGEST_BATCH: Final = 200
AT_ONCE: Final = 32
"""Decisions under way at a time; more arrivals than that are turned away, as a browser gives up."""
SURFACES: Final = (("feed", 0.74), ("shop", 0.14), ("live", 0.12))
CONTESTED: Final = 0.75
"""Share of slots that others want too, at a price level of the log; the rest are free for the reserve. Ours."""
SAY_AGAIN_S: Final = 10
KEY_REFUSED: Final = (401, 403)


class KeyRefused(Exception):
    """The edge does not know this key, or it may not decide and report."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How much audience. `per_second`: decisions, the mean of a day; `least`: share of it in the quietest hour."""

    markets: tuple[Audience, ...]
    per_second: float
    least: float
    floor_scale: float
    slots: tuple[int, int] = (1, 3)


@dataclass(frozen=True, slots=True)
class Content:
    """What the platform knows of its own targets, as it renders them: which carry a product link."""

    with_product: frozenset[str] = frozenset()


@dataclass
class Replay:
    client: Client
    plan: Plan
    content: Content
    rng: random.Random
    say: Callable[[str], None]
    counts: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._due: list[tuple[float, int, Act]] = []
        self._number = itertools.count()
        self._at_once = asyncio.Semaphore(AT_ONCE)
        self._away_until = self._said_away = 0.0

    async def run(self, *, seconds: float | None) -> None:
        """Until the time is over (then the last events go out), or for ever. Raises KeyRefused."""
        end = time.monotonic() + seconds if seconds else float("inf")
        async with asyncio.TaskGroup() as tasks:
            sender = tasks.create_task(self._send_what_is_due())
            teller = tasks.create_task(self._tell())
            while (wait_s := self._until_next()) is not None and time.monotonic() + wait_s < end:
                await asyncio.sleep(wait_s)
                if not self._at_once.locked() and time.monotonic() >= self._away_until:
                    tasks.create_task(self._visit())
            await asyncio.sleep(max(0.0, min(12.0, end - time.monotonic() + 12)))
            for task in (sender, teller):
                task.cancel()

    def _until_next(self) -> float:
        """Arrivals are a Poisson process whose rate is the traffic of all markets at this moment."""
        self._shares = traffic(self.plan.markets, datetime.now(UTC), self.plan.least)
        whole = sum(audience.weight for audience in self.plan.markets)
        return self.rng.expovariate(self.plan.per_second * sum(self._shares.values()) / whole)

    async def _visit(self) -> None:
        """One person opens the app and sees a few slots."""
        (audience,) = self.rng.choices(self.plan.markets, [self._shares[m.country] for m in self.plan.markets])
        person = passer_by(self.rng, audience)
        (surface,) = self.rng.choices([name for name, _ in SURFACES], [share for _, share in SURFACES])
        slots = [self._slot() for _ in range(self.rng.randint(*self.plan.slots))]
        async with self._at_once:
            answer = await self._post("/v1/decide", {"viewer": person.as_viewer(), "surface": surface, "slots": slots})
        if answer is None:
            return
        self.counts["decisions"] += 1
        self.counts["slots"] += len(slots)
        if answer.status != 200:
            self.refusals[f"decide {answer.status}"] += 1
            return
        for position, decision in enumerate(answer.json()["decisions"]):
            self._look_at(decision, position, person, surface, audience)

    def _slot(self) -> dict[str, int]:
        contested = self.rng.random() < CONTESTED
        return {"floor_micros": draw_floor_micros(self.rng, self.plan.floor_scale)} if contested else {}

    def _look_at(self, decision: dict[str, Any], position: int, person: Person, surface: str, place: Audience) -> None:
        if "token" not in decision:
            self.counts[f"no fill: {decision.get('no_fill', '?')}"] += 1
            return
        self.counts["filled"] += 1
        target = decision["target"]
        shown = Shown(
            token=decision["token"],
            target=target,
            position=position,
            surface="live" if target.startswith("liv_") else surface,
            has_product=target in self.content.with_product,
            has_link=bool(decision.get("website_url") or decision.get("call_to_action")),
        )
        now = time.monotonic()
        for act in react(person, shown, _hour_of(place), self.rng):
            heapq.heappush(self._due, (now + act.after_s, next(self._number), act))

    async def _send_what_is_due(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_S)
            batch: list[Act] = []
            while self._due and self._due[0][0] <= time.monotonic() and len(batch) < LARGEST_BATCH:
                batch.append(heapq.heappop(self._due)[2])
            if batch:
                await self._send(batch)

    async def _send(self, acts: list[Act]) -> None:
        at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        events = [{"token": act.token, "type": act.type, "at": at, **act.facts} for act in acts]
        answer = await self._post("/v1/events", {"events": events})
        if answer is None or answer.status != 202:
            # A platform's server keeps what it could not hand over; the edge knows by the token what it has had.
            self.counts["sent again"] += len(acts)
            for act in acts:
                heapq.heappush(self._due, (time.monotonic() + 2, next(self._number), act))
            if answer is not None:
                self.refusals[f"events {answer.status}"] += 1
            return
        for act, result in zip(acts, answer.json()["results"], strict=True):
            self.counts[act.type if result["status"] == "accepted" else result["status"]] += 1
            if result["status"] == "refused":
                self.refusals[str(result.get("reason"))] += 1

    async def _post(self, path: str, body: Any) -> Answer | None:
        """None where nobody answers; then nobody calls for a second."""
        try:
            answer = await self.client.post(path, body)
        except Unreachable as error:
            self.counts["unreachable"] += 1
            now = time.monotonic()
            if now >= self._said_away + SAY_AGAIN_S:
                self._said_away = now
                self.say(f"audience: the edge does not answer ({error}); trying again")
            self._away_until = now + 1
            return None
        if answer.status in KEY_REFUSED:
            raise KeyRefused(
                f"The edge refuses this key ({answer.status}): {answer.body[:200].decode(errors='replace')}"
            )
        return answer

    async def _tell(self, every_s: float = 10) -> None:
        before = Counter(self.counts)
        while True:
            await asyncio.sleep(every_s)
            self.say(line(self.counts - before, every_s, self.refusals))
            before = Counter(self.counts)


def line(counts: Counter[str], seconds: float, refusals: Counter[str]) -> str:
    """Ten seconds of audience in one line."""
    clicks = sum(counts[name] for name in ("product_click", "website_visit", "live_enter"))
    filled = 100 * counts["filled"] / max(1, counts["slots"])
    odd = ", ".join(f"{reason} {count}" for reason, count in refusals.most_common(3))
    return (
        f"audience: {counts['decisions'] / seconds:.0f} decisions/s, {filled:.0f} % of slots filled · "
        f"{counts['impression']} impressions, {counts['view_2s']} views, {clicks} clicks, {counts['follow']} follows"
        f" · {counts['duplicate']} duplicates, {counts['refused']} refused" + (f" (so far: {odd})" if odd else "")
    )


def _hour_of(audience: Audience) -> int:
    return datetime.now(ZoneInfo(audience.time_zone)).hour
