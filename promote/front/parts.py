"""What the parts of the pages are drawn from."""

from dataclasses import dataclass
from datetime import datetime

from promote.refusals import Text


@dataclass(frozen=True, slots=True)
class Progress:
    """Budget and time of an order, in whole percent, so that two bars can be compared."""

    spent_micros: int
    budget_coins: int
    budget_percent: int
    time_percent: int
    time_words: Text


@dataclass(frozen=True, slots=True)
class Step:
    """A line of a timeline. `state`: done, now, next, bad."""

    name: Text
    icon: str
    state: str
    at: datetime | None = None
    note: Text = ""


@dataclass(frozen=True, slots=True)
class Point:
    """A line of a dialog: what will happen."""

    icon: str
    text: Text


@dataclass(frozen=True, slots=True)
class Share:
    """A part beside the whole it is of, as a bar and in numbers. `is_main`: what the others are compared with."""

    name: Text
    times: int
    of: int
    is_main: bool = False

    @property
    def width(self) -> str:
        """In percent; what is there at all can be seen."""
        return f"{max(1, min(100, 100 * self.times / self.of)):.1f}" if self.times and self.of else "0"

    @property
    def percent(self) -> str:
        """Nothing beside a whole that it is itself; `<1` where it would be none."""
        if self.times == self.of or not self.of:
            return ""
        whole = round(100 * self.times / self.of)
        return "<1" if self.times and not whole else str(min(whole, 99))


def percent(part: int, whole: int) -> int:
    """Rounded down and within 0 and 100, so that a bar is full only at the end."""
    return max(0, min(100, part * 100 // whole)) if whole > 0 else 0
