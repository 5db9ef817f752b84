"""Makes the tables of this folder from the logs they come from: `python -m sandbox.data.derive LOGS_FOLDER`.

The folder holds `kuairand-curves/`, `open-bandit/` and `ipinyou-info/`. Run again after a change here; the result is
committed, so nobody else needs the logs.
"""

import csv
import gzip
import json
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

HERE = Path(__file__).parent
LEVELS = 50
"""Price levels kept of the histogram: its quantiles at 1 %, 3 %, … 99 %."""


def main(logs: Path) -> None:
    _write("kuairand_hourly.csv", ("hour", "exposures", "valid", "random_exposures", "random_valid"), _hours(logs))
    with gzip.open(logs / "open-bandit" / "obd_compact.csv.gz", "rt") as file:
        rows = list(csv.DictReader(file))
    _write("open_bandit_positions.csv", ("position", "shown", "clicked"), _rates(rows, "position"))
    _write("open_bandit_items.csv", ("item", "shown", "clicked"), _rates(rows, "campaign", "item_id"))
    _write("ipinyou_price_levels.csv", ("quantile_percent", "price_fen_per_thousand"), _price_levels(logs))


def _hours(logs: Path) -> Iterable[Sequence[object]]:
    standard, shuffled = (
        list(csv.DictReader((logs / "kuairand-curves" / name).open()))
        for name in ("log_standard_hourly.csv", "log_random_hourly.csv")
    )
    for ours, other in zip(standard, shuffled, strict=True):
        yield (ours["hour"], *(int(float(row[key])) for row in (ours, other) for key in ("exposures", "clicks")))


def _rates(rows: list[dict[str, str]], *keys: str) -> Iterable[Sequence[object]]:
    shown: Counter[str] = Counter()
    clicked: Counter[str] = Counter()
    for row in rows:
        name = "/".join(row[key] for key in keys)
        shown[name] += 1
        clicked[name] += int(row["click"])
    for name in sorted(shown):
        yield name, shown[name], clicked[name]


def _price_levels(logs: Path) -> Iterable[Sequence[object]]:
    histogram: Counter[int] = Counter()
    for file in sorted((logs / "ipinyou-info").glob("*.info.json")):
        histogram.update(dict(enumerate(json.loads(file.read_text())["price_counter_train"])))
    total, below, price = sum(histogram.values()), 0, -1
    for level in range(LEVELS):
        percent = 100 * (2 * level + 1) // (2 * LEVELS)
        while below * 100 <= total * percent:
            price += 1
            below += histogram[price]
        yield percent, price


def _write(name: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with (HERE / name).open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(head)
        writer.writerows(rows)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
