"""The replay's figures as a table, for the screen and for docs/delivery.md."""

from statistics import fmean

from bench.replaying.cells import CELLS, Many, One
from bench.replaying.picture import DOCS

PAGE = DOCS / "delivery.md"
BEGIN, END = "<!-- figures -->", "<!-- end of figures -->"


def drawn(found: dict[tuple[str, bool], list[One]], mixed: dict[str, list[Many]]) -> str:
    return f"{_ones(found)}\n\n{_many(mixed)}"


def keep(found: dict[tuple[str, bool], list[One]], mixed: dict[str, list[Many]]) -> None:
    """Puts the table between its marks on the page."""
    text = PAGE.read_text()
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    PAGE.write_text(f"{before}{BEGIN}\n{drawn(found, mixed)}\n{END}{after}")


def _ones(found: dict[tuple[str, bool], list[One]]) -> str:
    lines = [
        "| budget | ours | from 5 μ | off the plan | from 5 μ | PID | throttling | fitted | price cap | spent |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for cell in CELLS:
        right, wrong = found[cell, True], found[cell, False]
        figures = (
            _mean(right, "value"), _mean(wrong, "value"), _mean(right, "distance"), _mean(wrong, "distance"),
            _mean(right, "pid"), _mean(right, "throttling"), _mean(right, "fitted"), _mean(right, "cap"),
            _mean(right, "spent"),
        )  # fmt: skip
        lines.append(f"| {cell} | {' | '.join(f'{figure:.3f}' for figure in figures)} |")
    return "\n".join(lines)


def _many(mixed: dict[str, list[Many]]) -> str:
    lines = [
        "| 200 orders | actions | actions a coin spent | feasible spent | orders that spent theirs | off the plan |",
        "|---|---|---|---|---|---|",
    ]
    ours = mixed["ours"]
    for rule, got in mixed.items():
        actions = _mean(got, "actions") / _mean(ours, "actions")
        a_coin = _mean(got, "actions_per_million") / _mean(ours, "actions_per_million")
        figures = (actions, a_coin, _mean(got, "feasible_spent"), _mean(got, "finished"), _mean(got, "distance"))
        lines.append(f"| {rule} | {' | '.join(f'{figure:.3f}' for figure in figures)} |")
    return "\n".join(lines)


def _mean(got: list[One] | list[Many], name: str) -> float:
    return fmean(getattr(one, name) for one in got)
