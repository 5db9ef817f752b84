"""What no font of ours has: an archivable page may hold no missing sign, so an empty box stands there instead.

Captions and names bring emoji, and scripts of anywhere. Typst itself is asked what it can set, sign by sign, once each.
"""

import unicodedata
from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import groupby
from typing import Any

BOX = "□"
_JOINER = "\u200d"
_JOINS = {"Mn", "Mc", "Me", "Cf", "Sk"}
"""Categories of what belongs to the sign before it: accents, vowel signs, joiners, tones of skin."""
_KNOWN = 4096

CanSet = Callable[[str], bool]


def boxed(found: Any, *, can_set: CanSet) -> Any:
    """The same data, each run of signs in its texts that can't be set as one box."""
    if isinstance(found, str):
        return _boxed(found, can_set)
    if isinstance(found, dict):
        return {name: boxed(value, can_set=can_set) for name, value in found.items()}
    if isinstance(found, list):
        return [boxed(value, can_set=can_set) for value in found]
    return found


def remembered(can_set: CanSet) -> CanSet:
    """Asked once of each sign."""
    return lru_cache(maxsize=_KNOWN)(can_set)


def _boxed(text: str, can_set: CanSet) -> str:
    """Signs that can be set alone may not be beside each other: then all but plain Latin is boxed."""
    if _is_plain(text) or can_set(text):
        return text
    by_sign = _without(text, lambda sign: _is_plain(sign) or can_set(sign))
    return by_sign if can_set(by_sign) else _without(text, _is_plain)


def _without(text: str, is_kept: CanSet) -> str:
    runs = groupby(_signs(text), key=is_kept)
    return "".join("".join(signs) if kept else BOX for kept, signs in runs)


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isprintable()


def _signs(text: str) -> Iterator[str]:
    """Each with what belongs to it."""
    sign = ""
    for character in text:
        if sign and (unicodedata.category(character) in _JOINS or sign.endswith(_JOINER)):
            sign += character
            continue
        if sign:
            yield sign
        sign = character
    if sign:
        yield sign
