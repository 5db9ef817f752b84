"""Lengths of time, and whole numbers, as people read them."""

from django.utils.formats import number_format
from django.utils.translation import ngettext

UNITS = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))


def said(seconds: int) -> str:
    """`1 day 6 hours`: the largest unit and the next one where it is not zero; whole days win over many hours."""
    seconds = max(seconds, 0)
    for i, (size, unit) in enumerate(UNITS):
        if seconds >= size or unit == "second":
            count, rest = divmod(seconds, size)
            words = [_count(unit, count)]
            if rest and i + 1 < len(UNITS) and count < 10 and unit != "minute":
                below, name = UNITS[i + 1]
                if rest // below:
                    words.append(_count(name, rest // below))
            return " ".join(words)
    raise AssertionError("a second is the smallest unit")


def _count(unit: str, count: int) -> str:
    names = {
        "day": ngettext("%(count)s day", "%(count)s days", count),
        "hour": ngettext("%(count)s hour", "%(count)s hours", count),
        "minute": ngettext("%(count)s minute", "%(count)s minutes", count),
        "second": ngettext("%(count)s second", "%(count)s seconds", count),
    }
    return names[unit] % {"count": count}


def grouped(number: int) -> str:
    """`12,480`, as the reader's language groups digits."""
    return number_format(number, force_grouping=True)
