"""How it looks, where that can be measured: contrast, drawings, words, and every part in the styleguide."""

import re
from itertools import product
from pathlib import Path

import pytest
from django.conf import settings
from django.template import engines
from django.test import Client

from promote.front import charts, covers, spans
from tests.front.visitors import inline_parts, text_of

TOKENS = (Path(__file__).parents[2] / "static/css/tokens.css").read_text()
CSS = sorted((Path(__file__).parents[2] / "static/css").rglob("*.css"))


def themes() -> dict[str, dict[str, str]]:
    """The colours of light and dark, `var()` resolved."""
    blocks = re.findall(r"(:root[^{]*)\{([^}]*)\}", TOKENS)
    light = dict(re.findall(r"--([\w-]+):\s*([^;]+);", blocks[0][1]))
    found = {"light": light}
    for name, block in (("dark by switch", blocks[2]), ("dark by device", blocks[1])):
        found[name] = {**light, **dict(re.findall(r"--([\w-]+):\s*([^;]+);", block[1]))}
    return {name: {key: _resolved(colours, key) for key in colours} for name, colours in found.items()}


def _resolved(colours: dict[str, str], key: str) -> str:
    value = colours[key]
    while match := re.fullmatch(r"var\(--([\w-]+)\)", value):
        value = colours[match[1]]
    return value


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


TEXT = [
    *product(("ink", "ink-soft", "ink-quiet", "ink-faint", "accent-ink"), ("page", "surface", "sunken")),
    ("on-accent", "accent"), ("on-accent", "accent-strong"), ("accent-ink", "accent-soft"),
    *((tone, ground) for tone in ("good", "warn", "bad") for ground in ("page", "surface", f"{tone}-soft")),
    *(("ink", f"{tone}-soft") for tone in ("good", "warn", "bad", "accent")), ("ink-quiet", "accent-soft"),
    ("n0", "n9"),
]  # fmt: skip


HOUSE = Path(__file__).parents[2]
ROOMS = ("promote", "analytics", "delivery", "orders", "coupons", "payments", "templates")


def test_the_refund_is_promised_in_the_same_words_everywhere():
    told = [
        re.sub(r'"\s+"', "", path.read_text())
        for room in ROOMS
        for path in (HOUSE / room).rglob("*")
        if path.suffix in (".py", ".html", ".js")
    ]
    said = [words for text in told for words in re.findall(r"[Ww]hat isn't spent[^.\"<]*\.?", text)]
    assert len(said) > 10
    # The second is a timeline's step, whose time stands beneath it.
    assert set(said) <= {
        "What isn't spent comes back to your balance within 15 minutes of the end.",
        "What isn't spent comes back to your balance",
    }


def test_the_pictures_that_the_readme_shows_are_there():
    shown = re.findall(r'src="([^"]+)"|!\[[^]]*\]\(([^)]+)\)', (HOUSE / "README.md").read_text())
    assert shown
    assert [name for names in shown for name in names if name and not (HOUSE / name).is_file()] == []


@pytest.mark.parametrize("theme", themes())
def test_every_pair_of_text_and_ground_can_be_read(theme):
    colours = themes()[theme]
    weak = {pair: contrast(colours[pair[0]], colours[pair[1]]) for pair in TEXT}
    assert {pair: round(value, 2) for pair, value in weak.items() if value < 4.5} == {}


@pytest.mark.parametrize("theme", themes())
def test_figures_and_edges_stand_out(theme):
    colours = themes()[theme]
    assert min(contrast(colours["ink"], colours[ground]) for ground in ("page", "surface")) >= 7
    assert contrast(colours["edge"], colours["surface"]) >= 3, "a field's border"


def test_colours_are_said_once_among_the_tokens():
    for path in CSS:
        if path.name in ("tokens.css", "admin.css") or "admin" in path.parts:
            continue
        said = re.findall(r"#[0-9a-fA-F]{3,8}\b", path.read_text())
        assert set(said) <= {"#fff"}, path.name


def test_pages_turn_around_by_themselves():
    for path in CSS:
        if path.name == "admin.css":
            continue
        text = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.S)
        sided = re.findall(
            r"(?:margin|padding|border|(?<!safe-area-)inset)-(?:left|right|top|bottom)\b|text-align:\s*(?:left|right)",
            text,
        )
        assert sided == [], path.name


@pytest.mark.usefixtures("static_files")
@pytest.mark.parametrize("turned", [False, True])
def test_the_styleguide_shows_every_part(turned):
    response = Client().get("/styleguide/?dir=rtl" if turned else "/styleguide/")
    page = response.content.decode()
    assert response.status_code == 200
    assert inline_parts(response) == []
    assert ('dir="rtl"' in page) is turned
    for section in re.findall(r'href="#([a-z]+)"', page):
        assert f'id="{section}"' in page
    parts = {path.stem for path in (Path(settings.BASE_DIR) / "templates/parts").glob("[a-z]*.html")}
    shown = "\n".join(path.read_text() for path in (Path(settings.BASE_DIR) / "templates").rglob("*guide*.html"))
    for part in parts - {"order_row", "errors", "mark", "coin"}:
        assert f"parts/{part}.html" in shown, f"{part} is not in the styleguide"


def test_the_same_video_always_has_the_same_cover_and_others_have_others():
    drawn = {covers.draw(f"{n:032x}", "Batik tulis Cirebon") for n in range(64)}
    assert len(drawn) == 64
    assert covers.draw("a" * 32, "Kiln") == covers.draw("a" * 32, "Kiln")


def test_a_caption_is_cut_to_three_lines_and_can_carry_no_markup():
    svg = covers.draw("b" * 32, '<script>alert("x")</script> & co')
    assert "<script" not in svg
    for caption in (
        "",
        "🔥🔥",
        "#tag @name",
        "a" * 500,
        "ผ้าไหมทอมือจากขอนแก่น" * 9,
        "朝の陶芸" * 40,
        "قهوة عربية على الفحم خطوة بخطوة",
    ):
        assert len(list(covers.lines_of(caption))) <= covers.MOST_LINES
    assert list(covers.lines_of("New glaze out of the kiln")) == ["New glaze", "out of the", "kiln"]


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 seconds"), (1, "1 second"), (59, "59 seconds"), (180, "3 minutes"), (3_600, "1 hour"),
        (5_430, "1 hour 30 minutes"), (86_400, "1 day"), (108_000, "1 day 6 hours"), (2_592_000, "30 days"),
        (-5, "0 seconds"),
    ],
)  # fmt: skip
def test_lengths_are_said_as_people_say_them(seconds, said):
    assert spans.said(seconds) == said


def test_a_chart_starts_at_zero_and_its_tallest_bar_stays_inside():
    points = [charts.Point(f"{h}:00", f"{h:02d}", value) for h, value in enumerate((0, 1, 7, 1036, 12))]
    chart = charts.bars(
        name="c", title="Views", along="Hour", up="Views", empty="", points=points, plan=[9, 9, 9, 9, 9]
    )
    tops = [float(column.y) for column in chart.columns]
    assert max(tops) == charts.BASE
    assert min(tops) >= charts.TOP
    assert [rule.label for rule in chart.rules] == ["1,200", "600"]
    assert all(float(column.y) + float(column.height) == pytest.approx(charts.BASE) for column in chart.columns)


def test_a_chart_keeps_room_for_what_is_still_to_come_without_drawing_it():
    points = [charts.Point(str(n), str(n), 5 - n, coming=n > 2) for n in range(5)]
    chart = charts.bars(name="c", title="Views", along="", up="", empty="", points=points, plan=[1, 1, 1, 1, 1])
    assert len(chart.columns) == 5
    assert [column.label for column in chart.drawn] == ["0", "1", "2"]
    assert len(chart.plan_points.split()) == 10, "the plan goes on to the end"


def test_a_chart_of_nothing_says_so():
    chart = charts.bars(name="c", title="Views", along="", up="", empty="No views yet.", points=[])
    assert chart.columns == []
    assert chart.empty == "No views yet."


@pytest.mark.parametrize(
    ("micros", "said"),
    [(0, "0"), (7_350, "0.0073"), (350_000, "0.35"), (1_000_000, "1"), (549_990_000, "549.99"), (None, "–")],
)
def test_costs_below_a_coin_keep_the_digits_that_matter(micros, said):
    template = engines["django"].from_string("{% load look %}{{ value|micros }}")
    assert template.render({"value": micros}) == said


@pytest.mark.usefixtures("static_files")
def test_a_page_says_times_in_words_with_the_exact_one_behind():
    assert re.search(r"today \d\d:\d\d", text_of(Client().get("/styleguide/")))
