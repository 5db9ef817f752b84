"""Coins: what is there and where it came from, what moved it, and buying more."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from orders.models import OrderPayment
from payments import cancelling, declines, limits, saved_methods, top_ups, wallet, wallet_api, withdrawing
from payments.models import SavedMethod, TopUp, TopUpStatus
from payments.payment_methods import Methods, Offered
from promote import money
from promote.front.doors import AdvertiserRequest, advertiser, safe_next
from promote.front.promote_form import new_key
from promote.markets.models import CoinPack, Market, PaymentMethod
from promote.refusals import Invalid, Refusal

SURFACE = "web"
STATEMENT_PAGE = 25
PENDING_SHOWN = 10
_SHOWN_AT = {"saved": "method", "save": "method"}
"""Where a page shows what is wrong with a field of the use case."""


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A payment that is under way, and whether its payer may cancel it."""

    top_up: TopUp
    can_be_cancelled: bool


@require_safe
@advertiser
def purse(request: AdvertiserRequest) -> HttpResponse:
    cursor = request.GET.get("before", "")
    statement = wallet.statement(
        account=request.account, cursor=int(cursor) if _is_id(cursor) else None, limit=STATEMENT_PAGE
    )
    now = timezone.now()
    balance = wallet.balance(account=request.account, now=now)
    market = Market.objects.filter(code=request.account.country).first()
    withdrawable = withdrawing.withdrawable(account=request.account, surface=SURFACE, now=now)
    shown = {
        "balance": balance,
        "withdrawable_coins": sum(withdrawable.values()),
        "stores": _stores(market, balance),
        "statement": statement,
        "older": f"?before={statement.next_cursor}" if statement.next_cursor else "",
        "newer": reverse("pages:wallet") if cursor else "",
        "market": market,
        "pending": _pending(request),
        "saved": [one for some in saved_methods.of(account=request.account).values() for one in some],
        "today": now.date(),
        "test_mode": _is_test(top_ups.methods(account=request.account, surface=SURFACE)),
    }
    return render(request, "pages/wallet.html", shown)


@require_safe
@advertiser
def statement_file(request: AdvertiserRequest) -> HttpResponse:
    """The whole statement as CSV."""
    return wallet_api.statement_file(request.account)  # type: ignore[return-value]


def _pending(request: AdvertiserRequest) -> list[Unfinished]:
    """The payments that wait for their payer, or for their bank, the newest first."""
    waits = Q(expires_at__gt=timezone.now()) & (
        ~Q(redirect_url="") | ~Q(client_secret="") | Q(instructions__isnull=False)
    )
    mine = TopUp.objects.filter(account=request.account, status=TopUpStatus.PENDING)
    found = mine.filter(waits | Q(accepted_at__isnull=False)).order_by("-started_at")[:PENDING_SHOWN]
    return [Unfinished(one, cancelling.can_be(one)) for one in found]


@require_POST
@advertiser
def cancel_top_up(request: AdvertiserRequest, top_up_id: str) -> HttpResponse:
    try:
        ended = cancelling.cancel(account=request.account, public_id=top_up_id, now=timezone.now())
    except Refusal as refusal:
        messages.error(request, refusal.detail)
        return redirect("pages:wallet")
    if ended.failure == "cancelled":
        messages.success(request, _("Cancelled: nobody can pay it any more, and it counts against no limit."))
    return redirect("pages:wallet")


def _stores(market: Market | None, balance: wallet.Balance) -> list[dict[str, str]]:
    """Where the stores that coins of this balance were bought in take a request for a refund."""
    origins = {one.lot.origin for one in balance.lots}
    links = withdrawing.store_links(market, SURFACE) if market else []
    return [{"method": code, "url": url} for code, url in links if code in origins]


def _is_test(here: Methods) -> bool:
    return any(not one.is_live for one in here.offered)


@require_POST
@advertiser
def forget_saved(request: AdvertiserRequest, saved_id: str) -> HttpResponse:
    saved_methods.forget(account=request.account, public_id=saved_id, now=timezone.now())
    messages.success(request, _("Removed: it pays nothing more. The next payment asks you on the provider's page."))
    return redirect("pages:wallet")


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 19


@dataclass(frozen=True, slots=True)
class Pack:
    """A pack as a choice; `enough` where it brings what is missing, `within` where it fits the account's limits."""

    pack: CoinPack
    enough: bool
    within: bool


class TopUpForm(forms.Form):
    """Which pack, and how it is paid: a method, or a method and what was saved for it (`card sav_…`)."""

    pack = forms.IntegerField(error_messages={"required": _("Choose a pack.")})
    method = forms.CharField(max_length=80)
    phone = forms.CharField(max_length=32, required=False)
    save = forms.BooleanField(required=False)


@dataclass(frozen=True, slots=True)
class Choice:
    """A method as a choice, paid with what its payer saved or anew; `consent` is what they may tick then."""

    method: PaymentMethod
    saved: SavedMethod | None = None
    consent: str | None = None
    expired: bool = False

    @property
    def value(self) -> str:
        """As the form sends it. Where choosing the method is enough, what was saved pays without being named."""
        named = self.saved is not None and saved_methods.words_to_tick(self.method.code)
        return f"{self.method.code} {self.saved.public_id}" if self.saved and named else self.method.code


class HowPaid(NamedTuple):
    """What a form says of how it is paid: the method, what was saved for it, and whether it is to be saved."""

    method: str
    saved: str
    save: bool


def how_paid(value: str, *, ticked: bool) -> HowPaid:
    """Of a `Choice.value` that was sent. A tick that the chosen method does not ask for says nothing."""
    method, _sep, saved = value.partition(" ")
    return HowPaid(method, saved, ticked and saved_methods.words_to_tick(method) is not None)


def choices(offered: Iterable[Offered], saved: Mapping[str, Sequence[SavedMethod]], *, today: date) -> list[Choice]:
    """What was saved stands before its method; PayPal that was saved in its method's place."""
    found = []
    for one in offered:
        code = one.method.code
        mine = saved.get(code, [])
        consent = saved_methods.words_to_tick(code)
        found += [Choice(one.method, kept, expired=kept.is_expired(today)) for kept in mine]
        if not mine or consent:
            found.append(Choice(one.method, consent=consent))
    return found


@require_http_methods(["GET", "HEAD", "POST"])
@advertiser
def top_up(request: AdvertiserRequest) -> HttpResponse:
    """Choose a pack; the payment page is the provider's. `?need=300&next=/promote/…` come from an order form."""
    back = safe_next(request, request.POST.get("next") or request.GET.get("next"), "")
    need = request.POST.get("need") or request.GET.get("need") or ""
    need_coins = int(need) if _is_id(need) else 0
    here = top_ups.methods(account=request.account, surface=SURFACE)
    if request.method != "POST":
        return _choose(request, here, need_coins, back, TopUpForm())
    form = TopUpForm(request.POST)
    if not form.is_valid():
        return _choose(request, here, need_coins, back, form, status=422)
    chosen = form.cleaned_data
    how = how_paid(chosen["method"], ticked=chosen["save"])
    try:
        started = top_ups.start(
            account=request.account,
            caller_surface=SURFACE,
            method=how.method,
            pack_id=chosen["pack"],
            # Pressed twice it is one payment; whoever comes back and chooses otherwise begins another.
            key=f"{(request.POST.get('key') or new_key())[:128]}:{chosen['pack']}:{chosen['method']}",
            return_url=return_url(request, back),
            now=timezone.now(),
            phone=chosen["phone"],
            saved=how.saved,
            save=how.save,
        )
    except Invalid as refusal:
        for error in refusal.errors:
            field = _SHOWN_AT.get(error.field, error.field)
            form.add_error(field if field in form.fields else None, str(error.detail))
        return _choose(request, here, need_coins, back, form, status=422)
    except Refusal as refusal:
        return _choose(request, here, need_coins, back, form, refusal=refusal, status=422)
    return onwards(request, started, back)


def return_url(request: AdvertiserRequest, back: str) -> str:
    page = request.build_absolute_uri("/wallet/top-ups/{top_up}/").replace("%7B", "{").replace("%7D", "}")
    return page + (f"?{urlencode({'next': back})}" if back else "")


def onwards(request: AdvertiserRequest, started: TopUp, back: str) -> HttpResponse:
    """To what the payer does next: on the provider's page, or on ours, which waits with them."""
    if started.status == TopUpStatus.PENDING and started.redirect_url:
        return _to_provider(request, started)
    return redirect(return_url(request, back).replace("{top_up}", started.public_id))


def _to_provider(request: AdvertiserRequest, started: TopUp) -> HttpResponse:
    """To the provider's page. Not by a redirect: a form may only lead to our own pages (form-action in our policy)."""
    response = render(request, "pages/top_up_onwards.html", {"top_up": started})
    response["Refresh"] = f"0; url={started.redirect_url}"
    return response


def _choose(
    request: AdvertiserRequest,
    here: Methods,
    need_coins: int,
    back: str,
    form: TopUpForm,
    *,
    refusal: Refusal | None = None,
    status: int = 200,
) -> HttpResponse:
    first = here.offered[0] if here.offered else None
    left, limit = _limit(request, here)
    saved = saved_methods.of(account=request.account)
    packs = _packs(first, need_coins, left) if first else []
    ways = choices(here.offered, saved, today=timezone.now().date())
    shown = {
        "here": here,
        "method": first,
        "methods": ways,
        "saved_cards": any(one.saved and one.saved.expires_on for one in ways),
        "consent": next((one.consent for one in ways if one.consent), ""),
        "chosen_method": form["method"].value() or next((one.value for one in ways if not one.expired), ""),
        "asks_phone": any(one.method.asks_phone for one in here.offered),
        "test_mode": _is_test(here),
        "packs": packs,
        "can_buy": any(pack.within for pack in packs),
        "limit": limit,
        "chosen": form["pack"].value() or _best(first, need_coins, left),
        "need_coins": need_coins,
        "balance": wallet.balance(account=request.account, now=timezone.now()),
        "next": back,
        "form": form,
        "refusal": refusal,
        "key": request.POST.get("key") or new_key(),
    }
    return render(request, "pages/top_up.html", shown, status=status)


def _limit(request: AdvertiserRequest, here: Methods) -> tuple[int | None, limits.LimitReached | None]:
    """How many coins the account may buy now (None: any), and why none where it is none."""
    if here.market is None:
        return None, None
    now = limits.outlook(account=request.account, market=here.market, flow=limits.Flow.TOP_UP, now=timezone.now())
    return now.left_coins, now.refusal


def _packs(offered: Offered, need_coins: int, left: int | None) -> list[Pack]:
    return [Pack(pack, pack.coins >= need_coins, left is None or pack.coins <= left) for pack in offered.packs]


def _best(offered: Offered | None, need_coins: int, left: int | None) -> int | None:
    """The smallest pack that is enough; without a need, the second smallest. None that is over the limit."""
    packs = [pack for pack in (offered.packs if offered else ()) if left is None or pack.coins <= left]
    if not packs:
        return None
    if need_coins:
        return next((pack.pk for pack in packs if pack.coins >= need_coins), packs[-1].pk)
    return packs[min(1, len(packs) - 1)].pk


@require_safe
@advertiser
def top_up_return(request: AdvertiserRequest, top_up_id: str) -> HttpResponse:
    """Where the payer comes back to: waits for the provider's word, then leads on to where they were."""
    back = safe_next(request, request.GET.get("next"), "")
    found, goes_on = top_ups.came_back(
        account=request.account,
        public_id=top_up_id,
        query={name: str(value) for name, value in request.GET.items() if name != "next"},
        return_url=return_url(request, back),
        now=timezone.now(),
    )
    if goes_on:
        return _to_provider(request, found)
    ordered = OrderPayment.objects.select_related("order").filter(top_up=found).first()
    shown = {
        "top_up": found,
        "failure": declines.sentence(found.failure),
        "can_be_cancelled": cancelling.can_be(found),
        "next": back,
        "onwards": back or (reverse("pages:promote", args=[ordered.target]) if ordered else reverse("pages:central")),
        "plain_amount": money.typed(found.amount_minor, found.exponent),
        "ordered": ordered,
    }
    part = "pages/_top_up_state.html" if getattr(request, "htmx", False) else "pages/top_up_return.html"
    return render(request, part, shown)
