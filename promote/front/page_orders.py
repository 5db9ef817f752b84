"""Orders: the list, one order as it runs, and what its owner may do with it."""

from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from delivery import streams
from orders import appeals, lifecycle
from orders.models import Order
from orders.states import FINAL, EndReason
from payments.escrow import InsufficientCoins
from promote.eligibility import BROWSER, NotEligible
from promote.front import order_chances
from promote.front.central import running_first
from promote.front.doors import AdvertiserRequest, advertiser
from promote.front.order_page import order_page
from promote.front.promote_form import new_key
from promote.front.running import rows
from promote.keys import keyring
from promote.refusals import Refusal

PAGE = 20
SHOWN = {"all": Q(), "open": ~Q(status__in=FINAL), "over": Q(status__in=FINAL)}


@require_safe
@advertiser
def orders(request: AdvertiserRequest) -> HttpResponse:
    """Newest first, twenty a page; `?show=open` first those that move."""
    show = request.GET.get("show", "all")
    show = show if show in SHOWN else "all"
    found = Order.objects.of(request.account).filter(SHOWN[show]).select_related("video", "live", "market")
    found = running_first(found) if show == "open" else found.order_by("-placed_at", "-id")
    before = request.GET.get("before")
    if before and show != "open":
        last = Order.objects.of(request.account).find(before)
        found = found.filter(Q(placed_at__lt=last.placed_at) | Q(placed_at=last.placed_at, id__lt=last.id))
    page = list(found[: PAGE + 1])
    shown = {
        "rows": rows(page[:PAGE], now=timezone.now()),
        "older": f"?show={show}&before={page[PAGE - 1].public_id}" if len(page) > PAGE and show != "open" else "",
        "newer": f"?show={show}" if before else "",
        "show": show,
        "has_any": bool(page) or Order.objects.of(request.account).exists(),
    }
    return render(request, "pages/orders.html", shown)


@require_safe
@advertiser
def order(request: AdvertiserRequest, order_id: str) -> HttpResponse:
    return _page(request, _own(request, order_id))


@require_safe
@advertiser
def live(request: AdvertiserRequest, order_id: str) -> HttpResponse:
    """What moves on an order's page, asked for when the stream says that something did."""
    return render(request, "pages/_order_live.html", {"page": order_page(_own(request, order_id), now=timezone.now())})


@require_safe
@advertiser
def chances(request: AdvertiserRequest, order_id: str) -> HttpResponse:
    """Why it spends as it does, asked for again while the page stays open; nothing once it does not run."""
    found = order_chances.of(_own(request, order_id), now=timezone.now())
    return render(request, "pages/_order_chances.html", {"chances": found, "order_id": order_id})


@require_http_methods(["GET", "HEAD", "POST"])
@advertiser
def end(request: AdvertiserRequest, order_id: str) -> HttpResponse:
    """Asked twice is ended once: the second press finds it ended, and says how it stands."""
    found = _own(request, order_id)
    if request.method != "POST":
        return render(request, "pages/order_end.html", {"page": order_page(found, now=timezone.now())})
    try:
        ended = lifecycle.end(order_id=found.id, reason=EndReason.USER, by=found.account, now=timezone.now())
    except lifecycle.AlreadyEnded as refusal:
        messages.info(request, refusal.detail)
    else:
        messages.success(
            request,
            _("Cancelled. All of its coins are back in your balance.")
            if ended.is_final
            else _("Ended. What isn't spent comes back to your balance within 15 minutes of the end."),
        )
    return redirect("pages:order", found.public_id)


@require_POST
@advertiser
def appeal(request: AdvertiserRequest, order_id: str) -> HttpResponse:
    found = _own(request, order_id)
    try:
        appeals.appeal(
            order_id=found.id, by=request.account, message=request.POST.get("message", "").strip(), now=timezone.now()
        )
    except Refusal as refusal:
        messages.error(request, refusal.detail)
    else:
        messages.success(request, _("Appealed. Somebody else looks at it, and you hear from us either way."))
    return redirect("pages:order", found.public_id)


@require_POST
@advertiser
def again(request: AdvertiserRequest, order_id: str) -> HttpResponse:
    """Places a wrongly rejected order once more, approved."""
    found = _own(request, order_id)
    key = request.POST.get("key") or new_key()
    try:
        placed = appeals.place_again(
            order_id=found.id, account=request.account, key=key, caller=BROWSER, now=timezone.now()
        )
    except InsufficientCoins as refusal:
        return redirect(_top_up_for(found, refusal.missing_coins))
    except NotEligible as refusal:
        shown = {"target": found.target, "eligibility": refusal.eligibility}
        return render(request, "pages/not_promotable.html", shown, status=422)
    except Refusal as refusal:
        messages.error(request, refusal.detail)
        return redirect("pages:order", found.public_id)
    return redirect("pages:order", placed.public_id)


def _own(request: AdvertiserRequest, order_id: str) -> Order:
    """The account's own order; another's is not found."""
    return (
        Order.objects.of(request.account)
        .select_related("account__user", "market", "video__product", "live", "product", "offer")
        .prefetch_related("history", "reviews")
        .find(order_id)
    )


def _page(request: AdvertiserRequest, found: Order) -> HttpResponse:
    now = timezone.now()
    shown = {
        "page": order_page(found, now=now),
        "chances": order_chances.of(found, now=now),
        "order_id": found.public_id,
        "key": new_key(),
    }
    if not found.is_final:
        keys = keyring.from_settings()
        shown["stream_url"] = streams.url(base=settings.EDGE_URL, order_id=found.id, keys=keys, now=now)
    return render(request, "pages/order.html", shown)


def _top_up_for(found: Order, missing_coins: int) -> str:
    back = reverse("pages:order", args=[found.public_id])
    return f"{reverse('pages:top_up')}?{urlencode({'need': missing_coins, 'next': back})}"
