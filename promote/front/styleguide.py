"""Invented facts for `/styleguide/`: each part in all its states, drawn by the very includes that the pages use."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from promote.eligibility import Check
from promote.front import charts, words
from promote.front.parts import Point, Progress, Share, Step
from promote.ids import new

CAPTIONS = (
    "Batik tulis Cirebon, from wax to dye",
    "New glaze out of the kiln this morning",
    "Phone cases that survive a concrete drop",
    "Cold brew in 40 seconds, no gear",
    "قهوة عربية على الفحم خطوة بخطوة",
    "ผ้าไหมทอมือจากขอนแก่น ลายใหม่",
)
LONG = "A caption so long that nobody would read it to its end, about sixty tote bags, how they are folded, and by whom"
NOW_AT = 20


@dataclass(frozen=True, slots=True)
class Painted:
    """Enough of a video to draw its tile."""

    id: Any
    title: str
    public_id: str = "vid_0"


class Example(forms.Form):
    """A field at rest, one with an error, one that is off."""

    website = forms.CharField(label=_("Website"), help_text=_("Where the button under the video leads. https only."))
    amount = forms.IntegerField(label=_("Own amount"))
    code = forms.CharField(label=_("Code"), disabled=True, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.widget.attrs["class"] = "input"


def cases() -> dict[str, Any]:
    now = timezone.now()
    return {
        "button_states": [
            (_("rest"), "", False, False),
            (_("hover"), "is-hover", False, False),
            (_("focus"), "is-focus", False, False),
            (_("busy"), "", True, False),
            (_("disabled"), "", False, True),
        ],
        "rest": Example(),
        "filled": Example({"website": "https://kiln.example/new", "amount": "700"}),
        "wrong": _wrong(),
        "pills": [*words.STATUSES.values()],
        "offer_pills": [*words.OFFER_STATUSES.values()],
        "progress": [
            Progress(0, 700, 0, 0, _("starts when approved")),
            Progress(301_250_000, 700, 43, 51, _("11 hours left of 1 day")),
            Progress(700_000_000, 700, 100, 86, _("3 hours left of 1 day")),
            Progress(198_204_500_000, 200_000, 99, 100, _("over")),
        ],
        "shares": [
            Share(_("Shown"), 1_204, 18_330, is_main=True),
            Share(_("Went to a higher offer"), 16_902, 18_330),
            Share(_("Had seen it often enough"), 2, 18_330),
            Share(LONG, 0, 18_330),
        ],
        "shares_few": [Share(_("Somebody was there"), 1, 1), Share(_("and fits the audience"), 0, 1)],
        "steps": _steps(now),
        "steps_bad": _steps_of_a_rejection(now),
        "tiles": _tiles(),
        "offers": _offers(now),
        "checks": _checks(),
        "chart": _chart(planned=True),
        "chart_few": _chart(planned=False),
        "chart_empty": charts.bars(
            name="empty", title=str(_("Views by hour")), along="", up="", points=[], empty=str(_("No views yet."))
        ),
        "more": _("12 % more than the hour before"),
        "fewer": _("4 % fewer than the hour before"),
        "points": [
            Point("stop", _("The feed stops showing it within two seconds.")),
            Point("clock", _("Views of the last minute still count.")),
            Point("undo", _("What isn't spent comes back to your balance within 15 minutes of the end.")),
        ],
        "moments": [now, now - timedelta(days=1), now + timedelta(days=1), datetime(2025, 3, 9, 14, 5, tzinfo=UTC)],
        "long": LONG,
    }


def _wrong() -> Example:
    form = Example({"website": "http://192.168.0.1/", "amount": "12"})
    form.is_valid()
    form.add_error("website", _("The address must start with https://."))
    form.add_error("amount", _("For this length choose from 300 to 100,000 coins."))
    return form


def _steps(now: datetime) -> list[Step]:
    return [
        Step(_("Placed"), "check", "done", now - timedelta(hours=15)),
        Step(_("Approved"), "check", "done", now - timedelta(hours=14)),
        Step(_("Running"), "play", "now", now - timedelta(hours=14), _("until tomorrow")),
        Step(_("Ends"), "stop", "next", now + timedelta(hours=10)),
        Step(_("What isn't spent comes back to your balance"), "undo", "next", None, _("within 15 minutes of the end")),
    ]


def _steps_of_a_rejection(now: datetime) -> list[Step]:
    return [
        Step(_("Placed"), "check", "done", now - timedelta(hours=3)),
        Step(_("Rejected"), "ban", "bad", now - timedelta(hours=2), _("Misleading claims, 0:04–0:09")),
        Step(_("700 coins came back"), "undo", "done", now - timedelta(hours=2)),
    ]


def _tiles() -> list[Any]:
    tiles = [
        SimpleNamespace(
            target=Painted(new(), caption), mark=None, length="0:21", href="#", eligible=True, note="", failed=[]
        )
        for caption in CAPTIONS
    ]
    tiles[1].mark = SimpleNamespace(icon="bag", word=_("Product"))
    tiles[2].mark = SimpleNamespace(icon="live", word=_("On air"))
    tiles[2].length = ""
    tiles[3].eligible = False
    tiles[3].failed = [check for check in _checks() if not check.passed]
    return [
        *tiles,
        SimpleNamespace(
            target=Painted(new(), LONG), mark=None, length="3:00", href="#", eligible=True, note="", failed=[]
        ),
    ]


def _offers(now: datetime) -> list[Any]:
    def offer(**facts: Any) -> SimpleNamespace:
        plain = {"kind": "voucher", "coins": 300, "percent": None, "cap_coins": None, "min_cost_coins": None}
        return SimpleNamespace(
            **{**plain, "expires_at": now + timedelta(days=6), "status": "available", "public_id": "off_0", **facts}
        )

    return [
        offer(),
        offer(kind="discount", coins=None, percent=20, cap_coins=2000, min_cost_coins=1000),
        offer(status="in_use"),
        offer(status="used"),
        offer(status="expired", expires_at=now - timedelta(days=2)),
    ]


def _checks() -> list[Check]:
    return [
        Check("age", True, _("18 or older")),
        Check("music", False, _("The music in this video is not licensed for commercial use."),
              _("Use a sound from the commercial music library, your own original sound, or none.")),
        Check("visibility", False, _("The video is not public."), _("Set “Who can watch this video” to Everyone.")),
    ]  # fmt: skip


def _chart(*, planned: bool) -> charts.Chart:
    shape = [12, 9, 6, 4, 3, 5, 14, 32, 51, 60, 58, 66, 92, 88, 71, 64, 70, 96, 131, 148, 139, 98, 55, 21]
    plan = [14, 10, 7, 5, 4, 6, 16, 30, 48, 57, 60, 68, 84, 82, 72, 68, 74, 96, 124, 138, 126, 92, 54, 26]
    hours = range(24) if planned else range(8, 12)
    return charts.bars(
        name="views" if planned else "few",
        title=str(_("Views by hour")),
        along=str(_("Hour")),
        up=str(_("Views")),
        empty="",
        points=[
            charts.Point(f"{h}:00–{h + 1}:00", f"{h:02d}", shape[h] * 7, unfinished=h == NOW_AT, coming=h > NOW_AT)
            for h in hours
        ],
        plan=[plan[h] * 7 for h in hours] if planned else (),
    )
