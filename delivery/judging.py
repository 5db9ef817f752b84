"""Whether an event counts: what keeps an impression from being billed, an action from being reported (delivery.md 5).

An event that does not count is kept, with the reason.
"""

from functools import lru_cache
from ipaddress import ip_address

from crawleruseragents import is_crawler

from delivery.engine.tokens import Token
from delivery.engine.vocabulary import EVENT_CODES, IMPRESSION, LEAST_VISIBLE_MS, LEAST_VISIBLE_SHARE, SURFACES
from delivery.entries import Told

_IMPRESSION = EVENT_CODES[IMPRESSION]
AGENT_MAX, ADDRESS_MAX = 512, 64


def reason(told: Told, token: Token, *, owner: frozenset[int]) -> str:
    """Why it does not count, "" where it does. `owner`: the pseudonyms under which the order's owner may appear."""
    if token.viewer in owner or (told.viewer is not None and told.viewer in owner):
        return "owner"
    if told.viewer is not None and told.viewer != token.viewer:
        return "another_viewer"
    if told.agent and listed_bot(told.agent):
        return "bot"
    if told.address and (why := _address(told.address)):
        return why
    return _seen(told, SURFACES[token.surface]) if told.type == _IMPRESSION else ""


def _seen(told: Told, surface: str) -> str:
    """Half of it for the surface's least time, in an app that is in front."""
    if told.visible_ms is None or told.visible_share is None:
        return "not_measured"
    if told.active is False:
        return "not_active"
    if told.visible_share < LEAST_VISIBLE_SHARE:
        return "not_half_visible"
    return "too_brief" if told.visible_ms < LEAST_VISIBLE_MS[surface] else ""


@lru_cache(maxsize=4096)
def listed_bot(agent: str) -> bool:
    return bool(is_crawler(agent))


@lru_cache(maxsize=4096)
def _address(text: str) -> str:
    try:
        return "" if ip_address(text).is_global else "private_address"
    except ValueError:
        return "invalid_address"
