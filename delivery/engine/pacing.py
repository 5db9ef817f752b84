"""Pacing by price: dual mirror descent, multiplicative (Balseiro, Lu & Mirrokni 2023; delivery.md 3).

An order bids score ÷ μ. Once its *planned* spend since the last change reaches K mean charges, μ moves against the
difference of planned and actual. Release bounds what a wrong μ can burn before it is corrected.

A look comes when it comes (twice a second, or every few seconds for a slow order), so one may span many windows of
K mean charges: the step then grows with their number, up to the largest step of a single window.
"""

import math

from msgspec import Struct
from msgspec.structs import replace

WINDOW_CHARGES = 3.0
"""K."""
LARGEST_STEP = 0.3
UNKNOWN_MARKET = 5.0
"""An order in a market without prices starts at so many times the μ that its reserve suggests."""
LOWEST, HIGHEST = 1 / 20, 1000.0
"""μ stays within these factors of where the order would bid the expected price: without viewers enough to spend on,
orders would else bid each other up to any price."""
LONGEST_GAP_S = 10.0
"""A longer time without a look was an outage: it does not count as planned."""
LONGEST_LATENCY_S = 600.0
_COST_MEMORY = 0.05
_LATENCY_MEMORY = 0.2


class State(Struct, frozen=True, gc=False):
    """Where an order's pacing stands. Amounts are micros (1 coin = 1,000,000), times seconds since 1970."""

    mu: float
    score: float
    """Expected worth of an impression when last looked: what μ is measured by."""
    mu_expected: float
    mean_cost: float
    """c̄, the smoothed cost of one charge."""
    at: float
    spent: int
    """Committed, under way and reserved, when last looked."""
    charged: int = 0
    charges: int = 0
    planned: float = 0.0
    """In the open window, as is `actual`."""
    actual: float = 0.0
    latency_s: float = 0.0
    """How long a reserved micro takes to be charged (Little's law)."""


class Seen(Struct, frozen=True, gc=False):
    """What the counters say of an order now. `left` is free: neither charged, nor under way, nor reserved."""

    left: int
    spent: int
    reserved: int
    charged: int
    charges: int


def start(*, score: float, price: float, known: bool, at: float, spent: int = 0) -> State:
    """A new order's state: it bids `price` for an impression worth `score`, a fifth of it in an unknown market."""
    mu = score / price
    first = mu if known else mu * UNKNOWN_MARKET
    return State(mu=first, score=score, mu_expected=mu, mean_cost=price, at=at, spent=spent)


def predicted(state: State, *, score: float, price: float) -> State:
    """The state under a new prediction of an impression's worth: μ follows it, so that the order bids as before."""
    scale = score / state.score if state.score > 0 else 1.0
    return replace(state, mu=state.mu * scale, score=score, mu_expected=score / price)


def step_size(left: float, mean_cost: float) -> float:
    """η = min(0.3, 1 ÷ √k), k = left ÷ c̄."""
    return min(LARGEST_STEP, 1.0 / math.sqrt(max(1.0, left / mean_cost)))


def look(state: State, seen: Seen, *, share: float, now: float) -> State:
    """The state after a look. `share`: of the traffic left when last looked, what was expected to come since."""
    spent = seen.spent - state.spent
    after = replace(_costs(state, seen, now), at=now, spent=seen.spent, charged=seen.charged, charges=seen.charges)
    if now - state.at > LONGEST_GAP_S:
        return replace(after, planned=0.0, actual=0.0)
    plan = max(0.0, seen.left + spent) * share
    return _correct(replace(after, planned=state.planned + plan, actual=state.actual + spent), seen.left, plan)


def _correct(state: State, left: int, plan: float) -> State:
    """Closes the window where the plan, and never the spend, has filled it; or where spending ran away."""
    planned, actual, cost = state.planned, state.actual, state.mean_cost
    windows = planned / (WINDOW_CHARGES * cost)
    step = min(LARGEST_STEP, step_size(left, cost) * max(1.0, windows))
    if windows >= 1.0:
        gradient = min(1.0, max(-2.0, (planned - actual) / planned))
        return _moved(state, -step * gradient)
    if actual >= planned + plan + max(5 * cost, 2 * plan):
        return _moved(state, 2 * step)
    return state


def _moved(state: State, exponent: float) -> State:
    low, high = state.mu_expected * LOWEST, state.mu_expected * HIGHEST
    return replace(state, mu=min(high, max(low, state.mu * math.exp(exponent))), planned=0.0, actual=0.0)


def _costs(state: State, seen: Seen, now: float) -> State:
    charges, charged, elapsed = seen.charges - state.charges, seen.charged - state.charged, now - state.at
    if charges <= 0 or charged <= 0 or elapsed <= 0:
        return state
    weight = 1.0 - (1.0 - _COST_MEMORY) ** charges
    latency = min(LONGEST_LATENCY_S, seen.reserved * elapsed / charged)
    return replace(
        state,
        mean_cost=state.mean_cost + weight * (charged / charges - state.mean_cost),
        latency_s=state.latency_s + _LATENCY_MEMORY * (latency - state.latency_s),
    )


def release(*, left: int, share: float, mean_cost: float) -> int:
    """The most that may be released and not yet spent, reservations included: 3 × plan(Δ) + 5 c̄, never above `left`.

    `left`: neither charged nor under way (reserved counts as left). `share`: of the traffic left, what is expected
    within Δ, the time until the next look and until what is reserved now will be charged.
    """
    return max(0, min(left, int(3 * left * share + 5 * mean_cost)))
