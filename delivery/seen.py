"""How long Redis knows what was told of a token: as long as its impression may be told, ten minutes at the most.

What is told later are actions alone: they go into the stream unasked, and the drain looks for their impression, and
for themselves, in the rows. So what Redis holds grows with how much is shown in minutes, not in the days of an action.
"""

from typing import TypeVar

from delivery.batch import Ints

MINUTE_S = 60
CLOCKS_APART_S = 60
"""So much longer it is kept than any edge asks for it: the clocks of the machines differ."""
When = TypeVar("When", int, Ints)


def minute(impression_until: int) -> int:
    """Tokens whose impressions may be told until the same minute are kept, and forgotten, together."""
    return impression_until // MINUTE_S


def kept_for_s(minute: int, *, now: float) -> int:
    return max(0, (minute + 1) * MINUTE_S - int(now)) + CLOCKS_APART_S


def known_until_ms(impression_until: When) -> When:
    """Who takes an event, and who stores it, tell by this and by when it was received whether Redis was asked."""
    return impression_until * 1000
