"""Whether events count: what keeps an impression from being billed, an action from being reported (delivery.md 5).

An event that does not count is kept, with the reason.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from ipaddress import ip_address
from typing import Any
from uuid import UUID

import numpy as np
from crawleruseragents import is_crawler

from delivery.batch import IMPRESSION_CODE, REASON, Batch, Ints, Marks
from delivery.engine.vocabulary import LEAST_VISIBLE_MS, LEAST_VISIBLE_SHARE, SURFACES

AGENT_MAX, ADDRESS_MAX = 512, 64
_LEAST_MS = np.array([LEAST_VISIBLE_MS[surface] for surface in SURFACES])
_UNTOLD = -1


def reasons(batch: Batch, *, owners: Mapping[UUID, frozenset[int]]) -> Ints:
    """Why each does not count, 0 where it does. `owners`: the pseudonyms under which an order's owner may appear."""
    told = batch.told
    viewer = batch.token["viewer"].astype(np.int64)
    seen_by = _numbers(one.viewer for one in told)
    agents = np.array([bool(one.agent) and listed_bot(one.agent or "") for one in told], bool)
    addresses = np.array([REASON[_address(one.address)] if one.address else 0 for one in told], np.int64)
    reason = _unseen(batch)
    # The last word stands: the first reason of delivery.md comes last.
    reason = np.where(addresses > 0, addresses, reason)
    reason[agents] = REASON["bot"]
    reason[(seen_by != _UNTOLD) & (seen_by != viewer)] = REASON["another_viewer"]
    reason[_by_owner(batch, viewer, seen_by, owners)] = REASON["owner"]
    return reason


def _by_owner(batch: Batch, viewer: Ints, seen_by: Ints, owners: Mapping[UUID, frozenset[int]]) -> Marks:
    most = max((len(owners[order]) for order in batch.orders), default=0)
    names = np.array([[*owners[order], *[_UNTOLD] * (most - len(owners[order]))] for order in batch.orders], np.int64)
    theirs = names.reshape(len(batch.orders), most)[batch.order]
    own: Marks = ((theirs == viewer[:, None]) | ((theirs == seen_by[:, None]) & (theirs != _UNTOLD))).any(axis=1)
    return own


def _unseen(batch: Batch) -> Ints:
    """Half of it for the surface's least time, in an app that is in front."""
    told = batch.told
    ms = _numbers(one.visible_ms for one in told)
    share = np.array([_UNTOLD if one.visible_share is None else one.visible_share for one in told], float)
    reason = np.where(ms < _LEAST_MS[batch.token["surface"]], REASON["too_brief"], 0)
    reason[share < LEAST_VISIBLE_SHARE] = REASON["not_half_visible"]
    reason[np.array([one.active is False for one in told], bool)] = REASON["not_active"]
    reason[(ms == _UNTOLD) | (share == _UNTOLD)] = REASON["not_measured"]
    return np.where(batch.type == IMPRESSION_CODE, reason, 0)


def _numbers(values: Iterable[Any]) -> Ints:
    return np.array([_UNTOLD if value is None else value for value in values], np.int64)


@lru_cache(maxsize=4096)
def listed_bot(agent: str) -> bool:
    return bool(is_crawler(agent))


@lru_cache(maxsize=4096)
def _address(text: str) -> str:
    try:
        return "" if ip_address(text).is_global else "private_address"
    except ValueError:
        return "invalid_address"
