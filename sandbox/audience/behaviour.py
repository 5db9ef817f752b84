"""What a viewer does with what a slot shows: pure, from the decision to the events and when each is sent.

Rates of watching are KuaiRand's, of clicking Open Bandit's by position and item; what no log gives is marked ours.
Times are seconds after the decision. `at` is filled in by whoever sends the event.
"""

import math
import random
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Final

from sandbox.audience.curves import CLICKED_AT, WATCHED, WATCHED_BY_CHANCE, appeal
from sandbox.audience.people import AGENTS, Person

# Ours: no log in the folder has these.
SCROLLED_PAST = 0.12
"""Share of slots that are never on screen long enough to count as seen."""
SIX_OF_TWO = 0.46
"""Of those who watch two seconds, how many watch six."""
COMPLETE_OF_SIX = 0.38
CARD_TO_BANNER = 4.0
"""A full-screen card is clicked so much more than one of three pictures in a shop's header, where the log is from."""
FOLLOW, SHARE, PROFILE, HIDE, REPORT = 0.008, 0.004, 0.010, 0.002, 0.0002
"""Per impression, by those who watched (hide and report: by those who did not)."""
ENTER_LIVE, LIVE_STAY_S = 0.07, 45.0

BOT_AGENTS: Final = (
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
    "python-requests/2.32.3",
    "Mozilla/5.0 (X11; Linux x64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/129.0.0.0 Safari/537.36",
)
MISCHIEF: Final = {"bot": 0.010, "duplicate": 0.010, "late": 0.002, "too_fast": 0.003, "orphan": 0.002,
                   "forged": 0.002, "private_address": 0.002}  # fmt: skip
"""Share of shown slots with each kind of event that must not be billed, or not twice. Ours."""
LATE_S = 11 * 60


@dataclass(frozen=True, slots=True)
class Shown:
    """What the edge put into a slot."""

    token: str
    target: str
    position: int
    surface: str
    has_product: bool = False
    has_link: bool = False


@dataclass(frozen=True, slots=True, order=True)
class Act:
    """One event and when it is sent."""

    after_s: float
    type: str
    token: str = field(compare=False)
    facts: dict[str, Any] = field(compare=False, default_factory=dict)


def react(person: Person, shown: Shown, hour: int, rng: random.Random) -> list[Act]:
    """The events of one shown slot, in the order of sending, with a little mischief among them."""
    kind = mischief(rng)
    if kind == "bot":
        return list(_bot(shown, rng))
    acts = sorted(_honest(person, shown, hour, rng))
    return list(_spoilt(acts, kind, rng)) if kind else acts


def mischief(rng: random.Random) -> str:
    """The kind of wrong there is with this slot's events; mostly none."""
    drawn = rng.random()
    for kind, share in MISCHIEF.items():
        if drawn < share:
            return kind
        drawn -= share
    return ""


def _honest(person: Person, shown: Shown, hour: int, rng: random.Random) -> Iterator[Act]:
    start = 0.15 + shown.position * rng.uniform(0.8, 4.0)
    where = {"user_agent": AGENTS[person.app_platform], "visible_share": round(rng.uniform(0.75, 1.0), 2)}
    if rng.random() < SCROLLED_PAST:
        glance_ms = rng.randint(150, 900)
        yield _act(start + glance_ms / 1000, "impression", shown, visible_ms=glance_ms, **where)
        return
    seen_ms = rng.randint(1010, 1400)
    yield _act(start + seen_ms / 1000, "impression", shown, visible_ms=seen_ms, **where)
    if shown.surface == "live":
        yield from _before_a_live(person, shown, start, rng)
        return
    fits = person.likes(shown.target)
    watched = rng.random() < (WATCHED if fits else WATCHED_BY_CHANCE)[hour]
    if not watched:
        if rng.random() < HIDE:
            yield _act(start + rng.uniform(1.5, 3), "hide", shown)
        if rng.random() < REPORT:
            yield _act(start + rng.uniform(3, 9), "report", shown)
    stayed_s = yield from _watching(shown, start, rng) if watched else _nothing()
    yield from _clicking(shown, start + 1.2 + stayed_s, fits, watched, rng)


def _watching(shown: Shown, start: float, rng: random.Random) -> Generator[Act, None, float]:
    yield _act(start + 2.05, "view_2s", shown, dwell_ms=2050)
    if rng.random() >= SIX_OF_TWO:
        return rng.uniform(1.0, 3.0)
    yield _act(start + 6.05, "view_6s", shown, dwell_ms=6050)
    if rng.random() >= COMPLETE_OF_SIX:
        return rng.uniform(5.0, 10.0)
    length_s = 8 + rng.expovariate(1 / 9)
    yield _act(start + length_s, "complete", shown, dwell_ms=round(length_s * 1000))
    return length_s


def _nothing() -> Generator[Act, None, float]:
    yield from ()
    return 0.0


def _clicking(shown: Shown, when: float, fits: bool, watched: bool, rng: random.Random) -> Iterator[Act]:
    odds = CLICKED_AT[min(shown.position, len(CLICKED_AT) - 1)] * appeal(shown.target) * CARD_TO_BANNER
    odds *= 1.4 if fits else 0.6
    thinking_s = _thinking(rng)
    if shown.has_product and rng.random() < odds:
        yield _act(when + thinking_s, "product_click", shown)
    if shown.has_link and rng.random() < odds:
        yield _act(when + thinking_s, "website_visit", shown)
    if not watched:
        return
    if rng.random() < PROFILE:
        yield _act(when + thinking_s + 0.4, "profile_visit", shown)
    if rng.random() < FOLLOW * (1.6 if fits else 0.4) / WATCHED[12]:
        yield _act(when + thinking_s + rng.uniform(0.8, 4), "follow", shown)
    if rng.random() < SHARE:
        yield _act(when + thinking_s + rng.uniform(1, 3), "share", shown)


def _before_a_live(person: Person, shown: Shown, start: float, rng: random.Random) -> Iterator[Act]:
    if rng.random() >= ENTER_LIVE * appeal(shown.target) * (1.4 if person.likes(shown.target) else 0.6):
        return
    entered = start + 1.2 + _thinking(rng)
    yield _act(entered, "live_enter", shown)
    if rng.expovariate(1 / LIVE_STAY_S) >= 60:
        yield _act(entered + 60, "live_minute", shown)


def _thinking(rng: random.Random) -> float:
    """How long a person takes from seeing to tapping: log-normal, a second in the middle, never under 0.4."""
    return max(0.4, math.exp(rng.gauss(0.0, 0.5)))


def _bot(shown: Shown, rng: random.Random) -> Iterator[Act]:
    agent = rng.choice(BOT_AGENTS)
    yield _act(0.05, "impression", shown, visible_ms=1000, visible_share=1.0, user_agent=agent)
    yield _act(0.06, "product_click" if shown.has_product else "view_2s", shown, user_agent=agent)


def _spoilt(acts: list[Act], kind: str, rng: random.Random) -> Iterator[Act]:
    impression, *rest = acts
    if kind == "late":
        yield replace(impression, after_s=LATE_S + rng.uniform(0, 60))
    elif kind == "orphan":
        yield Act(impression.after_s + 2, "view_2s", impression.token, {"dwell_ms": 2050})
    elif kind == "forged":
        turned = impression.token[:-6] + impression.token[-6:].swapcase()[::-1]
        yield replace(impression, token=turned)
    elif kind == "private_address":
        yield replace(impression, facts={**impression.facts, "address": f"10.0.{rng.randrange(256)}.7"})
        yield from rest
    elif kind == "too_fast":
        yield impression
        yield Act(impression.after_s + 0.02, "profile_visit", impression.token)
    else:
        yield from acts
        again = rng.choice(acts)
        yield replace(again, after_s=again.after_s + rng.uniform(0.5, 30))


def _act(after_s: float, name: str, shown: Shown, **facts: Any) -> Act:
    return Act(after_s, name, shown.token, facts)
