"""The drain takes many events at once; what comes of them is what a clerk writes who takes one after the other."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from delivery import hot
from delivery.engine.vocabulary import EVENT_CODES
from delivery.models import COUNTS, HourRollup, MinuteRollup
from payments import escrow
from tests.builders import NOON, a_delivering_order, a_number
from tests.delivery.world import RESERVE, a_token, drained, events_of, forgotten, left, paced, told

pytestmark = pytest.mark.django_db
KINDS = ("impression", "view_2s", "view_6s", "product_click")


@dataclass
class Clerk:
    """Takes events one by one, by the rules of delivery.md and nothing else."""

    budget: int
    rows: dict = field(default_factory=dict)

    def take(self, token, kind, facts):
        if (token.id, kind) in self.rows:
            return
        reason, charged = self.judged(token, kind, facts)
        if kind == "impression" and not reason:
            fits = not self.ran_out() and token.price_micros <= self.budget
            charged, reason = fits, "" if fits else "over_delivery"
            self.budget -= token.price_micros if fits else 0
        self.rows[token.id, kind] = (reason, charged)

    def ran_out(self):
        return any(reason == "over_delivery" for reason, _ in self.rows.values())

    def judged(self, token, kind, facts):
        if facts.get("viewer", token.viewer) != token.viewer:
            return "another_viewer", False
        if "address" in facts:
            return "private_address", False
        if kind == "view_2s" and facts.get("dwell_ms", 2000) < 2000:
            return "impossible_time", False
        if kind != "impression":
            its, _charged = self.rows.get((token.id, "impression"), ("no_impression", False))
            return (its if its in ("no_impression", "another_viewer", "private_address") else ""), False
        return ("too_brief" if facts.get("visible_ms", 2400) < 1000 else ""), False


steps = st.lists(
    st.tuples(
        st.integers(0, 5),
        st.sampled_from(KINDS),
        st.sampled_from([{}, {}, {}, {"visible_ms": 999}, {"viewer": 1}, {"address": "10.0.0.1"}, {"dwell_ms": 5}]),
        st.booleans(),
    ),
    max_size=30,
)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(steps=steps, budget=st.integers(0, 6))
def test_a_batch_comes_to_what_its_events_come_to_one_by_one(steps, budget):
    order = a_delivering_order()
    paced(order)
    leave = budget * RESERVE + 500
    escrow.charge(key=f"t{a_number()}", charges=[(order.escrow_id, left(order) - leave)], now=NOON)
    # Tokens of a lost generation, whose counters know nothing: the rows alone tell what came before.
    viewer = 10_000 + a_number()  # nobody whom another example has shown something in the same minute
    tokens = [
        a_token(
            order, generation=0, price_micros=RESERVE + number, age_band=number % 3, gender=number % 4, viewer=viewer
        )
        for number in range(6)
    ]
    clerk = Clerk(leave)
    for number, kind, facts, is_batch_end in steps:
        token = tokens[number]
        if kind == "view_6s":  # what makes a brief one count may follow it in its batch: test_invalid_traffic.py
            facts = {name: fact for name, fact in facts.items() if name != "dwell_ms"}
        forgotten(token)
        assert told(token, kind, now=NOON + timedelta(seconds=7 * (number + 1)), **facts) == hot.DONE
        clerk.take(token, kind, facts)
        if is_batch_end:
            drained(order)
    drained(order)
    stored = {(row.token, row.type): row for row in events_of(order)}
    assert len(stored) == len(clerk.rows)
    for (token, kind), (reason, charged) in clerk.rows.items():
        row = stored[token, EVENT_CODES[kind]]
        assert (row.reason, row.charged) == (reason, charged)
        assert row.valid == (reason in ("", "over_delivery"))
    assert left(order) == clerk.budget
    assert_sums(order, clerk)


def assert_sums(order, clerk):
    wanted = Counter()
    for (_token, kind), (reason, _charged) in clerk.rows.items():
        valid = reason in ("", "over_delivery")
        wanted["impressions" if kind == "impression" else kind] += 1 if kind == "impression" else valid
        wanted["valid_impressions"] += kind == "impression" and valid
    for rows in (MinuteRollup.objects.filter(order=order), HourRollup.objects.filter(order=order, dimension="gender")):
        sums = Counter()
        for row in rows:
            sums.update({name: getattr(row, name) for name in COUNTS})
        assert {name: sums[name] for name in COUNTS if name != "charged_micros"} == {
            name: wanted[name] for name in COUNTS if name != "charged_micros"
        }
