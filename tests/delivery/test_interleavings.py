"""Whatever comes in whatever order: the budget holds, and events, rollups and transfers tell the same."""

from datetime import timedelta

import pytest
import time_machine
from django.db import transaction
from django.db.models import Sum
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from delivery import drain, hot, invalid, pacer
from delivery.drain import Position
from delivery.models import ChargeReturn, FoundReason, HourRollup, MinuteRollup, PacingState, PoisonEntry, Shard
from delivery.replay import replay
from orders.models import EndReason, Order, Status
from payments import escrow
from payments.audit.running import run as run_audit
from promote.outbox import relay
from tests.builders import NOON, a_delivering_order, a_number, ended
from tests.delivery.world import (
    RESERVE,
    a_token,
    charged_in_events,
    drained,
    events_of,
    freed,
    left,
    redis_lost,
    reserved,
    told,
)

BUDGET = 9 * RESERVE + 500
"""So little that almost every run reaches its end."""


class Life:
    """One order, and everything that may happen around it."""

    def __init__(self) -> None:
        redis_lost()
        Shard.objects.all().delete()
        PoisonEntry.objects.all().delete()
        self.now = NOON
        self.order = a_delivering_order()
        escrow.charge(key=f"t{a_number()}", charges=[(self.order.escrow_id, left(self.order) - BUDGET)], now=NOON)
        self.sold, self.shown = [], []
        self.look(0)

    def look(self, n: int) -> None:
        self.now += timedelta(seconds=1 + n)
        pacer.pace(shard=self.order.shard, now=self.now)
        if PacingState.objects.filter(order=self.order, at=self.now.timestamp()).exists():
            row = Shard.objects.get(id=self.order.shard)
            figures = hot.counters(hot.client(), shard=row.id, generation=row.generation, orders=[self.order.id])
            its = figures[self.order.id]
            assert not its.free or its.free + its.reserved + its.under_way + its.held <= left(self.order)

    def sell(self, n: int) -> None:
        for _ in range(n):
            if reserved(token := a_token(self.order, now=self.now)):
                self.sold.append(token)

    def hang_up(self, n: int) -> None:
        """Every so many of the tokens out never reached who asked for them; some are given back twice, or late."""
        for token in self.sold[:: n + 1]:
            freed(token)

    def show(self, n: int) -> None:
        """Every so many of the tokens out; some of them again."""
        for token in self.sold[:: n + 1]:
            if told(token, now=self.now) == hot.DONE:
                self.shown.append(token.id)

    def act(self, n: int) -> None:
        for token in self.sold[:: n + 1]:
            told(token, "view_2s", now=self.now)

    def drain(self, n: int) -> None:
        drained(self.order, now=self.now)

    def die_before_trimming(self, n: int) -> None:
        """A drain that commits, and is killed before the stream forgets."""
        row = Shard.objects.get(id=self.order.shard)
        position = Position(row.position_generation, row.position_id)
        if entries := drain.fetch(shard=row.id, after=position, most=n + 1):
            drain.commit(shard=row.id, position=position, entries=entries, now=self.now)

    def lose_redis(self, n: int) -> None:
        redis_lost()

    def restart_redis(self, n: int) -> None:
        Shard.objects.update(redis_run_id="the run before")

    def lose_what_was_seen(self, n: int) -> None:
        """An older AOF: the last impressions are not known any more."""
        for key in hot.client().scan_iter(f"{hot.tag(self.order.shard)}:seen:*"):
            hot.client().delete(key)

    def set_aside(self, n: int) -> None:
        """The oldest entry is poison."""
        row = Shard.objects.get(id=self.order.shard)
        position = Position(row.position_generation, row.position_id)
        for raw in drain.fetch(shard=row.id, after=position, most=1):
            reached = Position(position.generation, raw[0])
            with transaction.atomic():
                drain.move(shard=row.id, before=position, to=reached, now=self.now)
                drain.set_aside(row.id, reached, raw, ValueError("poison"), self.now)
            drain.trim(shard=row.id, upto=reached)

    def put_back(self, n: int) -> None:
        replay(entry_ids=list(PoisonEntry.objects.filter(replayed_at=None).values_list("id", flat=True)), now=self.now)

    def find_invalid(self, n: int) -> None:
        """All that was charged in the last minutes."""
        since, until = self.now - timedelta(minutes=n), self.now + timedelta(seconds=1)
        found = invalid.find(
            reason=FoundReason.FRAUD, since=since, until=until, order_id=self.order.id, by=None, now=self.now
        )
        invalid.give_back(finding_id=found.id, now=self.now)

    def end(self, n: int) -> None:
        if Order.objects.get(id=self.order.id).status == Status.DELIVERING:
            with time_machine.travel(self.now, tick=False):
                ended(self.order, now=self.now, reason=EndReason.PRIVATE if n % 2 else EndReason.USER)
                relay.relay()

    def wait(self, n: int) -> None:
        self.now += timedelta(minutes=n)


MOVES = [name for name in vars(Life) if not name.startswith("_")]
steps = st.lists(st.tuples(st.sampled_from(MOVES), st.integers(0, 6)), min_size=5, max_size=40)
USUAL = [("sell", 4), ("show", 0), ("drain", 0), ("look", 2)]


@pytest.mark.django_db
@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@example(steps=USUAL * 5)
@example(steps=[*USUAL, ("sell", 5), ("lose_redis", 0), ("look", 1), ("show", 0), ("sell", 6), ("show", 0), *USUAL * 3])
@example(steps=[("sell", 5), ("show", 1), ("die_before_trimming", 2), ("restart_redis", 0), ("look", 1), *USUAL * 4])
@example(steps=[*USUAL, ("sell", 3), ("show", 0), ("set_aside", 0), ("drain", 0), ("put_back", 0), *USUAL * 4])
@example(steps=[("sell", 6), ("hang_up", 1), ("show", 0), ("hang_up", 0), ("look", 1), *USUAL * 4])
@example(steps=[*USUAL * 3, ("find_invalid", 6), ("sell", 5), ("end", 0), ("show", 0), *USUAL, ("find_invalid", 6)])
@example(steps=[*USUAL, ("sell", 5), ("lose_redis", 0), ("end", 1), ("look", 1), ("show", 0), ("drain", 0)])
@example(steps=[("sell", 5), ("show", 0), ("lose_what_was_seen", 0), ("restart_redis", 0), ("look", 1), ("show", 0)])
@given(steps=steps)
def test_spent_is_never_more_than_the_budget_and_all_books_agree(steps):
    life = Life()
    for name, n in steps:
        getattr(life, name)(n)
        assert left(life.order) >= 0
    life.look(1)
    life.drain(0)
    returned = ChargeReturn.objects.filter(order=life.order).aggregate(all=Sum("micros"))["all"] or 0
    paid = BUDGET - left(life.order) + returned
    assert 0 <= paid - returned <= BUDGET
    assert charged_in_events(life.order) == paid
    assert set(events_of(life.order, type=0).values_list("token", flat=True)) <= {token.id for token in life.sold}
    for rollup in (
        MinuteRollup.objects.filter(order=life.order),
        HourRollup.objects.filter(order=life.order, dimension="all"),
    ):
        sums = rollup.aggregate(shown=Sum("impressions"), micros=Sum("charged_micros"))
        assert (sums["shown"] or 0) == events_of(life.order, type=0).count()
        assert (sums["micros"] or 0) == paid
    report = run_audit()
    assert all(report.checks[name].ok for name in ("charges_are_transfers", "rollups_are_events", "charge_returns"))
