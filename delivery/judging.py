"""Whether events count: what keeps an impression from being billed, an action from being reported (delivery.md 5).

An event that does not count is kept, with the reason.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

import numpy as np

from delivery import addresses, agents
from delivery.batch import IMPRESSION_CODE, REASON, Batch, Ints, Marks
from delivery.blocked import Sources
from delivery.engine.vocabulary import EVENT_CODES, EVENT_TYPES, LEAST_VISIBLE_MS, LEAST_VISIBLE_SHARE, SURFACES, VIEWS
from delivery.entries import Told

CLOCKS_DIFFER_MS = 2_000
"""The clocks of two of our machines never differ by more; what exceeds it is impossible, and not just odd."""
_LEAST_PLAY_MS = np.array([{"view_2s": 2000, "view_6s": 6000}.get(name, 0) for name in EVENT_TYPES])
_FOCUSED_CODE, _VIEW_CODES = EVENT_CODES["view_6s"], [EVENT_CODES[name] for name in VIEWS]
_LEAST_MS = np.array([LEAST_VISIBLE_MS[surface] for surface in SURFACES])
_UNTOLD = -1


def brief_focused(batch: Batch) -> Ints:
    """Focused views that were shorter than that: they count where their viewer did something as well."""
    played_ms = _numbers(one.dwell_ms for one in batch.told)
    lasted_ms = np.where(played_ms != _UNTOLD, played_ms, _passed_ms(batch))
    return np.nonzero((batch.type == _FOCUSED_CODE) & (lasted_ms < _LEAST_PLAY_MS[_FOCUSED_CODE]))[0]


def reasons(
    batch: Batch,
    *,
    owners: Mapping[UUID, frozenset[int]],
    touched: Marks,
    blocks: Sources,
    staff: Ints,
    astray: Marks,
) -> Ints:
    """Why each does not count, 0 where it does. `owners`: the pseudonyms under which an order's owner may appear, and
    `staff`: those of who looks for us; `touched`: those of `brief_focused` whose viewer did something as well;
    `blocks`: what ops block now; `astray`: shown to whom the order is not for any more."""
    told = batch.told
    viewer = batch.token["viewer"].astype(np.int64)
    seen_by = _numbers(one.viewer for one in told)
    programs = np.array([bool(one.agent) and agents.is_program(one.agent or "") for one in told], bool)
    places = [REASON[addresses.why_not_billed(one.address)] if one.address else 0 for one in told]
    reason = _unseen(batch)
    # The last word stands: the first reason of delivery.md comes last.
    reason = np.where(_impossible(batch, touched), REASON["impossible_time"], reason)
    reason[astray] = REASON["not_targeted"]
    if blocks:
        reason[_among(told, "referrer", blocks.has_referrer)] = REASON["blocked_referrer"]
        reason[_among(told, "address", blocks.has_address)] = REASON["blocked_address"]
        reason[_among(told, "agent", blocks.has_agent)] = REASON["blocked_agent"]
    reason = np.where(np.array(places, np.int64) > 0, places, reason)
    reason[programs] = REASON["bot"]
    reason[(seen_by != _UNTOLD) & (seen_by != viewer)] = REASON["another_viewer"]
    if len(staff):
        reason[np.isin(viewer, staff) | np.isin(seen_by, staff)] = REASON["staff"]
    reason[_by_owner(batch, viewer, seen_by, owners)] = REASON["owner"]
    return reason


def _among(told: Sequence[Told], name: str, holds: Callable[[str], bool]) -> Marks:
    """Those whose agent, address or referrer is blocked: each different one is looked at once."""
    values = [getattr(one, name) for one in told]
    found = {value for value in set(values) if value and holds(value)}
    return np.array([value in found for value in values], bool)


def _by_owner(batch: Batch, viewer: Ints, seen_by: Ints, owners: Mapping[UUID, frozenset[int]]) -> Marks:
    most = max((len(owners[order]) for order in batch.orders), default=0)
    names = np.array([[*owners[order], *[_UNTOLD] * (most - len(owners[order]))] for order in batch.orders], np.int64)
    theirs = names.reshape(len(batch.orders), most)[batch.order]
    own: Marks = ((theirs == viewer[:, None]) | ((theirs == seen_by[:, None]) & (theirs != _UNTOLD))).any(axis=1)
    return own


def _unseen(batch: Batch) -> Ints:
    """Half of it for the surface's least time, in an app that is in front. A view is judged by what is told of it."""
    told = batch.told
    ms = _numbers(one.visible_ms for one in told)
    share = np.array([_UNTOLD if one.visible_share is None else one.visible_share for one in told], float)
    seen_less: Marks = (share != _UNTOLD) & (share < LEAST_VISIBLE_SHARE)
    reason = np.where(ms < _LEAST_MS[batch.token["surface"]], REASON["too_brief"], 0)
    reason[seen_less] = REASON["not_half_visible"]
    reason[np.array([one.active is False for one in told], bool)] = REASON["not_active"]
    reason[(ms == _UNTOLD) | (share == _UNTOLD)] = REASON["not_measured"]
    of_views = np.where(seen_less & np.isin(batch.type, _VIEW_CODES), REASON["not_half_visible"], 0)
    return np.where(batch.type == IMPRESSION_CODE, reason, of_views)


def _impossible(batch: Batch, touched: Marks) -> Marks:
    """Watched for longer than it has existed, or a view that is too short for one. A view that does not say how long it
    was says that it was as long as its kind."""
    told, least_ms = batch.told, _LEAST_PLAY_MS[batch.type]
    played_ms, seen_ms = _numbers(one.dwell_ms for one in told), _numbers(one.visible_ms for one in told)
    claimed_ms = np.where(played_ms != _UNTOLD, played_ms, np.where(touched, 0, least_ms))
    impossible: Marks = np.maximum(claimed_ms, seen_ms) > _passed_ms(batch)
    return impossible | ((claimed_ms < least_ms) & ~touched)


def _passed_ms(batch: Batch) -> Ints:
    """From the decision to the arrival, both by our own clocks: no device can set them."""
    passed_ms: Ints = batch.received_ms - batch.token["decided_at"].astype(np.int64) * 1000 + CLOCKS_DIFFER_MS
    return passed_ms


def _numbers(values: Iterable[Any]) -> Ints:
    return np.array([_UNTOLD if value is None else value for value in values], np.int64)
