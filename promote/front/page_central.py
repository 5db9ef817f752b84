"""The Promote central page: choose what to promote, or read why not; see what runs and what there is to spend."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from promote.catalogue.models import LiveRoom, LiveState, Video
from promote.eligibility import BROWSER, Check
from promote.front.central import Promotable, central
from promote.front.doors import AdvertiserRequest, advertiser
from promote.front.running import rows


@dataclass(frozen=True, slots=True)
class Mark:
    icon: str
    word: str


@dataclass(frozen=True, slots=True)
class Tile:
    """A video or live in the grid."""

    target: Any
    mark: Mark | None
    length: str
    href: str
    eligible: bool
    failed: list[Check]
    note: str
    on_air: bool = False


def home(request: HttpRequest) -> HttpResponse:
    return redirect("pages:central")


@require_safe
@advertiser
def page(request: AdvertiserRequest) -> HttpResponse:
    now = timezone.now()
    view = central(account=request.account, caller=BROWSER, now=now)
    under_way = [order for order in view.orders if not order.is_final]
    tiles = [tile(one) for one in view.videos]
    shown = {
        "central": view,
        "videos": [one for one in tiles if one.eligible],
        "barred": [one for one in tiles if not one.eligible],
        "lives": [tile(one) for one in view.lives],
        "under_way": rows(under_way[:5], now=now),
        "under_way_count": len(under_way),
        "same_for_all": _same_for_all(view.videos),
    }
    return render(request, "pages/central.html", shown)


def tile(one: Promotable) -> Tile:
    return Tile(
        target=one.target,
        mark=_mark(one),
        length=_length(one.target),
        href=reverse("pages:promote", args=[one.target.public_id]),
        eligible=one.eligibility.eligible,
        failed=one.eligibility.failed,
        note=_note(one),
        on_air=getattr(one.target, "state", "") == LiveState.ON_AIR,
    )


def _mark(one: Promotable) -> Mark | None:
    if isinstance(one.target, LiveRoom):
        on_air = one.target.state == LiveState.ON_AIR
        return Mark("live", _("On air")) if on_air else Mark("calendar", _("Scheduled"))
    return Mark("bag", _("Product")) if one.target.product_id else None


def _length(target: Video | LiveRoom) -> str:
    return f"{target.duration_s // 60}:{target.duration_s % 60:02d}" if isinstance(target, Video) else ""


def _note(one: Promotable) -> str:
    count = len(one.open_orders)
    return ngettext("%(count)s promotion now", "%(count)s promotions now", count) % {"count": count} if count else ""


def _same_for_all(videos: list[Promotable]) -> list[Check]:
    """What stops every video is said once above them: it is about the account, not about any of them."""
    if len(videos) < 2 or any(one.eligibility.eligible for one in videos):
        return []
    of_account = ("age", "account_type", "account_standing", "app_version", "country")
    return [check for check in videos[0].eligibility.failed if check.code in of_account]
