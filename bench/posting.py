"""Clients that post to the ledger and place orders through the product's own use cases, a process each."""

import itertools
import multiprocessing
import os
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

Step = Callable[[], int]
"""Does one piece of work; how many it did."""
PURSES = 20_000
BATCH = 1_000
VIDEO_COINS = 300
WARM_UP = 3
QUOTES = 600


@dataclass(frozen=True, slots=True)
class Speed:
    done: int
    per_s: float
    clients: int

    def figures(self) -> dict[str, float]:
        return {"done": self.done, "per_s": round(self.per_s, 1), "clients": self.clients}


def measure(make: Callable[[int], Iterator[int]], *, clients: int, seconds: float) -> Speed:
    """Lets so many processes work for so long. `make(number)` is a client's work, a step at each `next`, run in its
    process; it prepares itself before its first step and may end early. Raises RuntimeError where a client broke.
    """
    from django.db import connections

    connections.close_all()  # a connection can't be shared with a child
    context = multiprocessing.get_context("fork")
    gate, answers = context.Barrier(clients), context.Queue()
    children = [
        context.Process(target=_client, args=(make, number, seconds, gate, answers)) for number in range(clients)
    ]
    for child in children:
        child.start()
    told = [answers.get() for _ in children]
    for child in children:
        child.join()
    broken = next((answer for answer in told if isinstance(answer, str)), None)
    if broken:
        raise RuntimeError(broken)
    return Speed(sum(done for done, _s in told), sum(done / took for done, took in told), clients)


def _client(make: Callable[[int], Iterator[int]], number: int, seconds: float, gate: Any, answers: Any) -> None:
    try:
        steps = make(number)
        for _ in range(WARM_UP):
            next(steps)
        gate.wait()
        began = time.monotonic()
        done = 0
        while time.monotonic() - began < seconds:
            step = next(steps, None)
            if step is None:
                break
            done += step
        answers.put((done, time.monotonic() - began))
    except BaseException as error:
        gate.abort()
        answers.put(f"client {number}: {type(error).__name__}: {error}")
        raise


def open_purses(count: int = PURSES) -> list[int]:
    """Guarded accounts with plenty on them, opened and funded by posting."""
    from django.db import transaction
    from django.utils import timezone

    from payments import ledger
    from payments.ledger import Movement
    from payments.models import AccountKind, Guard

    with transaction.atomic():
        purses = [ledger.open_account(kind=AccountKind.CAMPAIGN, guard=Guard.CREDIT) for _ in range(count)]
    issuance = ledger.platform("issuance")
    for start in range(0, count, BATCH):
        funding = [Movement(issuance, purse, 10**12) for purse in purses[start : start + BATCH]]
        ledger.post(kind="bench", key=f"bench:fund:{start}", movements=funding, now=timezone.now())
    return purses


def singles(purses: Sequence[int], number: int) -> Iterator[int]:
    """One business event after the other, each a journal of one transfer, committed: to another purse, or to spend."""
    from django.utils import timezone

    from payments import ledger
    from payments.ledger import Movement

    chance, spend = random.Random(number), ledger.platform("spend")
    for turn in itertools.count():
        giver, taker = chance.sample(purses, 2)
        movement = Movement(giver, taker if turn % 2 else spend, chance.randint(1, 1000))
        ledger.post(kind="bench", key=_key(number, turn), movements=[movement], now=timezone.now())
        yield 1


def charges(purses: Sequence[int], number: int) -> Iterator[int]:
    """As delivery's drain posts: one journal, a transfer from each of many escrows."""
    from django.utils import timezone

    from payments import ledger
    from payments.ledger import Movement

    chance, spend = random.Random(number), ledger.platform("spend")
    for turn in itertools.count():
        movements = [Movement(purse, spend, chance.randint(1, 1000)) for purse in chance.sample(purses, BATCH)]
        ledger.post(kind="bench", key=_key(number, turn), movements=movements, now=timezone.now())
        yield BATCH


def journals(purses: Sequence[int], number: int) -> Iterator[int]:
    """Many business events at once, each with its own key, in one statement."""
    from django.utils import timezone

    from payments import ledger
    from payments.ledger import Entry, Movement

    chance = random.Random(number)
    for turn in itertools.count():
        pairs = [chance.sample(purses, 2) for _ in range(BATCH)]
        entries = [
            Entry("bench", f"{_key(number, turn)}:{place}", [Movement(giver, taker, chance.randint(1, 1000))])
            for place, (giver, taker) in enumerate(pairs)
        ]
        ledger.post_many(entries, now=timezone.now())
        yield BATCH


def placements(number: int) -> Iterator[int]:
    """Orders of quotes that were asked for before: the whole use case, in the client's own process."""
    from django.utils import timezone

    from orders import placement, quotes
    from payments import wallet
    from promote.accounts.models import Account
    from promote.catalogue.models import Video
    from promote.eligibility import BROWSER

    now, name = timezone.now(), f"bench-{number}"
    account = Account.objects.create(
        external_id=name, username=name, type="business", country="US", birth_date=date(1990, 5, 17),
        source_updated_at=now,
    )  # fmt: skip
    video = Video.objects.create(
        external_id=name, account=account, caption="First crack, sound on.", visibility="public", status="active",
        duration_s=21, source_updated_at=now,
    )  # fmt: skip
    wallet.grant(account=account, coins=VIDEO_COINS * (QUOTES + 10), key=name, now=now, reason="bench")
    asked = [
        quotes.make(
            account=account, caller=BROWSER, target=video, now=timezone.now(), objective="video_views",
            budget_coins=VIDEO_COINS, duration_s=86_400, audience={"automatic": True},
        )
        for _ in range(QUOTES)
    ]  # fmt: skip
    for turn, quote in enumerate(asked):
        placement.place(account=account, quote=quote.sealed, key=_key(number, turn), caller=BROWSER, now=timezone.now())
        yield 1


def _key(number: int, turn: int) -> str:
    return f"bench:{os.getpid()}:{number}:{turn}"
