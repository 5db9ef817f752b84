"""Covers drawn from an id: two hues, a shape and the caption's first words. Nothing is fetched, no list looks grey."""

import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from math import cos, radians, sin

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

WIDTH, HEIGHT = 90, 120
MARGIN, TYPE_SIZE, MOST_LINES = 8, 11, 3
LINE_UNITS = WIDTH - 2 * MARGIN


@dataclass(frozen=True, slots=True)
class Palette:
    ground: str
    shape: str
    light: str
    deep: str


def draw(seed: str, caption: str) -> SafeString:
    """The inside of a cover as an `<svg>` of 3:4. The same seed always gives the same picture."""
    dice = blake2b(seed.encode(), digest_size=12).digest()
    hue = dice[0] * 360 // 256
    other = hue + (34 + dice[1] % 30 if dice[2] % 3 else 165 + dice[1] % 40)
    palette = Palette(
        ground=oklch(0.36 + dice[3] % 16 / 100, 0.095, hue),
        shape=oklch(0.66 + dice[4] % 10 / 100, 0.125, other),
        light=oklch(0.9, 0.05, other),
        deep=oklch(0.17, 0.035, hue),
    )
    motif = MOTIFS[dice[6] % len(MOTIFS)](palette, dice[7:])
    shade = f"s{dice.hex()}"
    return mark_safe(  # noqa: S308 - every value is ours but the caption, which is escaped below
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="xMidYMid slice" aria-hidden="true" '
        f'focusable="false"><defs><linearGradient id="{shade}" x1="0" y1="0" x2="0" y2="1">'
        f'<stop offset=".42" stop-color="{palette.deep}" stop-opacity="0"/>'
        f'<stop offset="1" stop-color="{palette.deep}" stop-opacity=".94"/></linearGradient></defs>'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="{palette.ground}"/>{motif}'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="url(#{shade})"/>{_words(caption)}</svg>'
    )


def oklch(lightness: float, chroma: float, hue: float) -> str:
    """A colour of even brightness whatever its hue, as `#rrggbb` (Björn Ottosson's OKLab, to sRGB)."""
    a, b = chroma * cos(radians(hue)), chroma * sin(radians(hue))
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    middle = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    linear = (
        4.0767416621 * long - 3.3077115913 * middle + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * middle - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * middle + 1.7076147010 * short,
    )
    return "#" + "".join(f"{_gamma(light):02x}" for light in linear)


def _gamma(light: float) -> int:
    light = min(max(light, 0.0), 1.0)
    return round(255 * (12.92 * light if light <= 0.0031308 else 1.055 * light ** (1 / 2.4) - 0.055))


def _petals(p: Palette, dice: bytes) -> str:
    """Kawung, the four-petalled batik."""
    step = 22 + dice[0] % 3 * 8
    petals = "".join(
        f'<ellipse cx="{x}" cy="{y}" rx="{step * 0.17:.1f}" ry="{step * 0.42:.1f}" transform="rotate({turn} {x} {y})"/>'
        for y in range(0, HEIGHT, step)
        for x in range(0, WIDTH + step, step)
        for turn in (45, 135)
    )
    return f'<g fill="{p.shape}" opacity=".9">{petals}</g>'


def _bowl(p: Palette, dice: bytes) -> str:
    """Rings, as a wheel leaves them in clay."""
    x, y = 20 + dice[0] % 50, 34 + dice[1] % 26
    rings = "".join(f'<circle cx="{x}" cy="{y}" r="{r}"/>' for r in range(14, 74, 12))
    return (
        f'<circle cx="{x}" cy="{y}" r="30" fill="{p.shape}"/>'
        f'<g fill="none" stroke="{p.light}" stroke-width="1.4" opacity=".7">{rings}</g>'
    )


def _waves(p: Palette, dice: bytes) -> str:
    lift = 6 + dice[0] % 10
    return "".join(
        f'<path d="M-10 {y} q 12 -{lift} 25 0 t 25 0 t 25 0 t 25 0 t 25 0 V130 H-10 Z" fill="{fill}" opacity="{ink}"/>'
        for y, fill, ink in ((34, p.shape, 0.55), (56, p.light, 0.45), (78, p.shape, 0.8))
    )


def _sun(p: Palette, dice: bytes) -> str:
    x, y = 24 + dice[0] % 44, 30 + dice[1] % 18
    return (
        f'<circle cx="{x}" cy="{y}" r="{18 + dice[2] % 8}" fill="{p.light}"/>'
        f'<path d="M0 62 L{28 + dice[3] % 30} 40 L90 70 V120 H0 Z" fill="{p.shape}"/>'
        f'<path d="M0 84 L90 56 V120 H0 Z" fill="{p.shape}" opacity=".55"/>'
    )


def _stripes(p: Palette, dice: bytes) -> str:
    width = 7 + dice[0] % 7
    tilt = 30 + dice[1] % 30
    stripes = "".join(f'<rect x="{x}" y="-60" width="{width}" height="260"/>' for x in range(-80, 180, width * 2 + 4))
    return (
        f'<g fill="{p.shape}" transform="rotate({tilt} 45 60)">{stripes}</g>'
        f'<circle cx="45" cy="46" r="21" fill="{p.light}"/>'
    )


def _moons(p: Palette, dice: bytes) -> str:
    y = 30 + dice[0] % 16
    return (
        f'<circle cx="{28 + dice[1] % 12}" cy="{y}" r="34" fill="{p.shape}"/>'
        f'<path d="M{52 + dice[2] % 8} {y - 12} a 30 30 0 0 1 0 60 Z" fill="{p.light}"/>'
    )


def _stones(p: Palette, dice: bytes) -> str:
    """Terrazzo."""
    stones = []
    for i in range(26):
        x, y, r = (
            (i * 37 + dice[i % 5] * 3) % 96,
            (i * 53 + dice[(i + 1) % 5]) % 116,
            3 + (dice[(i + 2) % 5] + i * 5) % 7,
        )
        fill = (p.shape, p.light)[i % 2]
        stones.append(
            f'<rect x="{x}" y="{y}" width="{r * 1.9:.1f}" height="{r}" rx="{r * 0.4:.1f}" fill="{fill}" '
            f'transform="rotate({(i * 41) % 180} {x} {y})"/>'
        )
    return "".join(stones)


def _arches(p: Palette, dice: bytes) -> str:
    x = 18 + dice[0] % 24
    return "".join(
        f'<path d="M{x - r + 27} 120 V{52 - dice[1] % 8} a {r} {r} 0 0 1 {2 * r} 0 V120 Z" fill="{fill}"/>'
        for r, fill in ((38, p.shape), (27, p.light), (16, p.shape), (7, p.ground))
    )


MOTIFS: tuple[Callable[[Palette, bytes], str], ...] = (_petals, _bowl, _waves, _sun, _stripes, _moons, _stones, _arches)


def _words(caption: str) -> str:
    lines = list(lines_of(caption))
    reads_rightwards = not any(unicodedata.bidirectional(c) in ("R", "AL") for c in caption[:24])
    x, way = (MARGIN, "ltr") if reads_rightwards else (WIDTH - MARGIN, "rtl")
    first = HEIGHT - MARGIN - 2 - (len(lines) - 1) * (TYPE_SIZE + 1.5)
    spans = "".join(
        f'<tspan x="{x}" y="{first + i * (TYPE_SIZE + 1.5):g}">{escape(line)}</tspan>' for i, line in enumerate(lines)
    )
    return (
        f'<text direction="{way}" font-size="{TYPE_SIZE}" font-weight="700" letter-spacing="-.2" fill="#fff">'
        f"{spans}</text>"
    )


def lines_of(caption: str) -> Iterator[str]:
    """The first words, in at most three lines that fit the cover; scripts without spaces break between letters."""
    plain = "".join(
        c for c in caption if unicodedata.category(c) not in ("So", "Cf", "Sk", "Cs", "Cn") and c != "\ufe0f"
    )
    words = [word for word in plain.split() if not word.startswith(("#", "@"))]
    line = ""
    given = 0
    for word in words:
        for piece in _pieces(word):
            joint = f"{line} {piece}" if line else piece
            if _units(joint) <= LINE_UNITS:
                line = joint
                continue
            if line:
                yield line
                given += 1
            if given == MOST_LINES:
                return
            line = piece
    if line:
        yield line


def _pieces(word: str) -> Iterator[str]:
    """A word that fits as it is, a longer one in parts: hyphened where its script hyphens."""
    hyphen = "-" if word.isascii() or "LATIN" in unicodedata.name(word[0], "") else ""
    piece = ""
    for letter in word:
        full = _units(piece + letter + (hyphen if len(word) > len(piece) + 1 else "")) > LINE_UNITS
        if piece and full and not unicodedata.combining(letter):
            yield piece + hyphen
            word = word[len(piece) :]
            piece = ""
        piece += letter
    yield piece


def _units(text: str) -> float:
    """About how wide a bold text stands, in units of the cover."""
    return sum(
        0.0
        if unicodedata.category(c) == "Mn"
        else TYPE_SIZE * (1.0 if unicodedata.east_asian_width(c) in "WF" else 0.61)
        for c in text
    )
