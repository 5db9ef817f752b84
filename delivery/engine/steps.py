"""One look at an order: what is free of its budget, where its μ moves, what is released, when to look again.

Pure, so that the pacer and a replay of a log go by the same rule. Amounts are micros (1 coin = 1,000,000), times
seconds since 1970. Source: delivery.md 2 and 3.
"""

from msgspec import Struct
from msgspec.structs import replace

from delivery.engine import pacing
from delivery.engine.curve import Curve
from delivery.engine.pacing import Seen, State

SHORTEST_INTERVAL_S, LONGEST_INTERVAL_S = 0.4, 5.0
_SLACK_S = 0.5
"""A look may come so much later than it is due."""


class Purse(Struct, frozen=True):
    """What is known of an order's budget. `left` stands in its escrow; all but the last two are parts of it."""

    whole: int
    left: int
    under_way: int
    """Charged, and not yet taken from the escrow."""
    reserved: int
    held: int
    """Held back for what tokens of a lost generation may still cost."""
    charged: int
    """In this generation, as are `charges`."""
    charges: int

    @property
    def uncharged(self) -> int:
        return max(0, self.left - self.under_way - self.held)

    @property
    def free(self) -> int:
        return max(0, self.uncharged - self.reserved)

    @property
    def seen(self) -> Seen:
        return Seen(self.free, self.whole - self.free, self.reserved, self.charged, self.charges)


class Outlook(Struct, frozen=True):
    """What is expected of the time that an order has left: its score and price, the least price, the traffic."""

    score: float
    price: float
    reserve: int
    curve: Curve
    ends_at: float


class Step(Struct, frozen=True):
    state: State
    most: int
    """That may be released and not yet charged."""
    due_at: float
    """When to look again."""
    is_spent: bool


def first(purse: Purse, outlook: Outlook, *, at: float, known: bool = True) -> Step:
    """`known`: its market has prices; without them it starts at five times the μ that is expected."""
    state = pacing.start(score=outlook.score, price=outlook.price, known=known, at=at, spent=purse.seen.spent)
    return _step(state, purse, outlook)


def following(state: State, purse: Purse, outlook: Outlook, *, at: float, is_reached: bool = True) -> Step:
    """`is_reached`: somebody asked for a decision of late. Where nobody did and nothing was spent, nothing is held to
    have been planned: orders whose bids rose meanwhile would outbid each other when the edges are back."""
    is_still = not is_reached and purse.seen.spent == state.spent
    share = 0.0 if is_still else outlook.curve.share(state.at, at, outlook.ends_at)
    predicted = pacing.predicted(state, score=outlook.score, price=outlook.price)
    return _step(pacing.look(predicted, purse.seen, share=share, now=at), purse, outlook)


def after_loss(state: State, purse: Purse, outlook: Outlook, *, at: float) -> Step:
    """The counters began anew: μ stands, and the window opens again."""
    spent = purse.seen.spent
    return _step(replace(state, at=at, spent=spent, charged=0, charges=0, planned=0.0, actual=0.0), purse, outlook)


def _step(state: State, purse: Purse, outlook: Outlook) -> Step:
    at, curve, ends_at = state.at, outlook.curve, outlook.ends_at
    interval = _interval(state, purse.free, curve.share(at, at + 1.0, ends_at))
    share = curve.share(at, at + interval + _SLACK_S + state.latency_s, ends_at)
    return Step(
        state=state,
        most=pacing.release(left=purse.uncharged, share=share, mean_cost=state.mean_cost),
        due_at=at + interval,
        is_spent=not (purse.reserved or purse.under_way or purse.held) and purse.left < outlook.reserve,
    )


def _interval(state: State, free: int, share_of_a_second: float) -> float:
    """Until the next look: sooner, the sooner the plan comes to another charge."""
    planned = free * share_of_a_second
    return min(LONGEST_INTERVAL_S, max(SHORTEST_INTERVAL_S, state.mean_cost / (4 * planned) if planned else 60.0))
