"""The spend curves as an SVG: one order at each budget, and the mixed set under each rule; the log as it is."""

from pathlib import Path

from bench.replaying.cells import CELLS, Many, One

DOCS = Path(__file__).resolve().parent.parent.parent / "docs"
FILE = DOCS / "images" / "replay.svg"
WIDTH, HEIGHT, EDGE = 420, 300, 44
COLOURS = ("#1f6feb", "#d1242f", "#1a7f37", "#9a6700", "#8250df")


def keep(found: dict[tuple[str, bool], list[One]], mixed: dict[str, list[Many]]) -> None:
    FILE.parent.mkdir(exist_ok=True)
    one = {f"{cell} from 5 μ": found[cell, False][0].curve for cell in CELLS}
    many = {rule: got[0].curve for rule, got in mixed.items()}
    parts = [
        _panel("One order, from five times the right multiplier", one, 0),
        _panel("200 orders at once", many, WIDTH),
    ]
    FILE.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {2 * WIDTH} {HEIGHT}" font-family="sans-serif" '
        f'font-size="11" role="img" aria-label="Share of the budget spent by share of the traffic">'
        f'<rect width="100%" height="100%" fill="#fff"/>{"".join(parts)}</svg>\n'
    )


def _panel(title: str, curves: dict[str, list[float]], left: int) -> str:
    parts = [
        f'<g transform="translate({left} 0)"><text x="{EDGE}" y="20" font-weight="bold">{title}</text>',
        _axis(),
        _line([0.0, 1.0], "#8c959f", dashed=True),
    ]
    for number, (name, curve) in enumerate(curves.items()):
        colour = COLOURS[number % len(COLOURS)]
        parts.append(_line([0.0, *curve], colour))
        parts.append(f'<text x="{EDGE + 8}" y="{46 + 14 * number}" fill="{colour}">{name}</text>')
    return "".join([*parts, "</g>"])


def _axis() -> str:
    low, high = HEIGHT - EDGE, 30
    right = WIDTH - 16
    return (
        f'<path d="M{EDGE} {high}V{low}H{right}" fill="none" stroke="#57606a"/>'
        f'<text x="{EDGE - 6}" y="{high + 4}" text-anchor="end">100 %</text>'
        f'<text x="{EDGE - 6}" y="{low}" text-anchor="end">0</text>'
        f'<text x="{right}" y="{low + 16}" text-anchor="end">share of the traffic (dashed: the plan)</text>'
    )


def _line(shares: list[float], colour: str, *, dashed: bool = False) -> str:
    wide, high = WIDTH - 16 - EDGE, HEIGHT - EDGE - 30
    steps = len(shares) - 1
    points = " ".join(
        f"{EDGE + wide * place / steps:.1f},{HEIGHT - EDGE - high * min(1.0, share):.1f}"
        for place, share in enumerate(shares)
    )
    dash = ' stroke-dasharray="4 4"' if dashed else ""
    return f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.5"{dash}/>'
