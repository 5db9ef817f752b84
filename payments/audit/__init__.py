"""The audit: named checks that prove DESIGN.md 6 on a live database. Rooms above add theirs with `register`.

A check is a generator: it walks its rows in chunks, and yields after each how many it saw and, where one does not fit,
which. So it shows progress and needs memory for a chunk only. It runs in one snapshot with all the others.
"""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

Check = Callable[[], Iterator["Chunk"]]
Progress = Callable[[str, int, float], None]
"""Told a check's name, how many rows it has seen, and which part of its way (0 to 1) that is."""

_checks: dict[str, Check] = {}


@dataclass(frozen=True, slots=True)
class Chunk:
    """`seen` rows looked at since the last one; `wrong` names the first that does not fit, and ends the check. `part`
    is how far on its way (0 to 1) the check is, where it knows.
    """

    seen: int
    wrong: str | None = None
    part: float = 0.0


@dataclass(frozen=True, slots=True)
class Finding:
    ok: bool
    seen: int
    first_wrong: str | None


@dataclass(frozen=True, slots=True)
class Report:
    transfers: int
    checks: dict[str, Finding]

    @property
    def ok(self) -> bool:
        return all(finding.ok for finding in self.checks.values())

    def as_dict(self) -> dict[str, Any]:
        checks = {name: asdict(finding) for name, finding in self.checks.items()}
        return {"ok": self.ok, "transfers": self.transfers, "checks": checks}


def register(name: str) -> Callable[[Check], Check]:
    """Adds a check under a name; import its module in the room's AppConfig.ready."""

    def add(check: Check) -> Check:
        if _checks.setdefault(name, check) is not check:
            raise ValueError(f"two checks are called {name}")
        return check

    return add


def checks() -> dict[str, Check]:
    return dict(_checks)


def run_check(check: Check, *, progress: Callable[[int, float], None] = lambda _seen, _part: None) -> Finding:
    """Runs one check up to the first row that does not fit."""
    seen = 0
    for chunk in check():
        seen += chunk.seen
        progress(seen, chunk.part)
        if chunk.wrong is not None:
            return Finding(ok=False, seen=seen, first_wrong=chunk.wrong)
    return Finding(ok=True, seen=seen, first_wrong=None)
