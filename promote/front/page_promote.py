"""The order form: what, for how many coins, how long, to whom; the price as it stands; placing it."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from analytics import foreseeing
from coupons.models import Offer
from coupons.redemption import OfferNotApplicable
from delivery.forecast import Estimate
from orders import paying, placement, quotes
from orders.models import Order
from orders.paying import Way
from orders.quotes import Plan, Quote, QuoteExpired, QuoteInvalid
from payments import saved_methods, wallet
from payments.escrow import InsufficientCoins
from promote.catalogue import targets
from promote.catalogue.targets import Target
from promote.eligibility import BROWSER, Eligibility, NotEligible, assess
from promote.front.doors import AdvertiserRequest, advertiser
from promote.front.page_wallet import SURFACE, Choice, choices, how_paid, onwards, return_url
from promote.front.promote_form import PromoteForm, first_choices, new_key
from promote.idempotency.answers import KeyReused
from promote.markets.models import Market
from promote.money import format_coins
from promote.refusals import Invalid, Refusal


@dataclass(frozen=True, slots=True)
class Paying:
    """A way to pay for what is missing, from what was saved or anew, with the pack that it buys."""

    way: Way
    choice: Choice


@dataclass(frozen=True, slots=True)
class Offered:
    """What the panel shows: the price of the choices as they stand, or what keeps it from being made."""

    quote: Quote | None
    free_coins: int
    estimate: Estimate | None = None
    refusal: Refusal | None = None
    ways: tuple[Paying, ...] = ()
    """How the missing coins are paid for in one step."""

    @property
    def consent(self) -> str:
        """What a payer may tick who pays anew."""
        return next((one.choice.consent for one in self.ways if one.choice.consent), "")

    @property
    def missing_coins(self) -> int:
        return max(0, self.quote.plan.pay_coins - self.free_coins) if self.quote else 0

    @property
    def left_coins(self) -> int:
        return max(0, self.free_coins - self.quote.plan.pay_coins) if self.quote else self.free_coins


class Desk:
    """One advertiser at the form for one target."""

    def __init__(self, request: AdvertiserRequest, target_id: str) -> None:
        self.request, self.account, self.now = request, request.account, timezone.now()
        self.target: Target = targets.find(target_id)
        quotes.check_owned(account=self.account, target=self.target)
        self.eligibility: Eligibility = assess(account=self.account, target=self.target, caller=BROWSER, now=self.now)
        self.market = Market.objects.filter(code=self.account.country).first()

    def form(self, data: QueryDict) -> PromoteForm:
        assert self.market is not None  # eligible only where launched
        offers = Offer.objects.filter(account=self.account).usable(self.now).order_by("expires_at", "id")
        return PromoteForm(data, market=self.market, eligibility=self.eligibility, offers=offers)

    def offered(self, form: PromoteForm) -> Offered:
        """The price of what the form says. What the rules refuse lands beside its field."""
        assert self.market is not None
        free = wallet.balance(account=self.account, now=self.now).free_coins
        if not form.is_valid():
            return Offered(None, free)
        try:
            quote = quotes.make(account=self.account, caller=BROWSER, target=self.target, now=self.now, **form.wish())
        except Invalid as refusal:
            form.take(refusal)
            return Offered(None, free)
        except OfferNotApplicable as refusal:
            form.add_error("offer", refusal.detail)
            return Offered(None, free, refusal=refusal)
        estimate = foreseeing.estimate(
            market=self.market,
            objective=quote.plan.objective,
            budget_coins=quote.plan.cost_coins,
            duration_s=quote.plan.duration_s,
            audience=quote.plan.audience,
            now=self.now,
        )
        missing = max(0, quote.plan.pay_coins - free)
        return Offered(quote, free, estimate, ways=self._ways(missing) if missing else ())

    def _ways(self, missing_coins: int) -> tuple[Paying, ...]:
        saved, today = saved_methods.of(account=self.account), self.now.date()
        return tuple(
            Paying(way, choice)
            for way in paying.ways(account=self.account, surface=SURFACE, missing_coins=missing_coins)
            if not way.offered.method.asks_phone
            for choice in choices([way.offered], saved, today=today)
            if not choice.expired
        )

    def page(
        self, form: PromoteForm, offered: Offered, *, key: str = "", status: int = 200, **more: Any
    ) -> HttpResponse:
        shown = {**self._shown(form, offered), "key": key or new_key(), **more}
        return render(self.request, "pages/promote.html", shown, status=status)

    def panel(self, form: PromoteForm, offered: Offered) -> HttpResponse:
        form.spare()
        return render(self.request, "pages/_quote.html", {**self._shown(form, offered), "alone": True})

    def _shown(self, form: PromoteForm, offered: Offered) -> dict[str, Any]:
        slots = ["objective", "budget", "own_coins", "duration", "own_length", "audience"]
        slots += ["website_url", "call_to_action"] if self.eligibility.function == "video" else []
        slots += ["offer"] if form.offers else []
        return {
            "target": self.target,
            "form": form,
            "offered": offered,
            "function": self.eligibility.function,
            "slots": slots,
        }


@require_http_methods(["GET", "HEAD", "POST"])
@advertiser
def page(request: AdvertiserRequest, target_id: str) -> HttpResponse:
    desk = Desk(request, target_id)
    if request.method == "POST":
        return _place(desk)
    if not desk.eligibility.eligible:
        shown = {"target": desk.target, "eligibility": desk.eligibility}
        return render(request, "pages/not_promotable.html", shown)
    assert desk.market is not None
    came_back = "objective" in request.GET
    offer = request.GET.get("offer", "")
    form = desk.form(request.GET if came_back else first_choices(desk.market, desk.eligibility, offer=offer))
    return desk.page(form, desk.offered(form))


@require_safe
@advertiser
def panel(request: AdvertiserRequest, target_id: str) -> HttpResponse:
    """The price of the choices at hand, for htmx; it changes nothing, hence it is a GET."""
    desk = Desk(request, target_id)
    if not desk.eligibility.eligible:
        return _reload(request)
    form = desk.form(request.GET)
    return desk.panel(form, desk.offered(form))


def _place(desk: Desk) -> HttpResponse:
    """Places what the button said, at the price that it said: a price that changed meanwhile is shown, not taken."""
    data = desk.request.POST
    placed = Order.objects.of(desk.account).filter(key=data.get("key") or "-").first()
    if placed is not None:
        return redirect("pages:order", placed.public_id)
    if not desk.eligibility.eligible:
        return render(
            desk.request,
            "pages/not_promotable.html",
            {"target": desk.target, "eligibility": desk.eligibility},
            status=422,
        )
    form = desk.form(data)
    offered = desk.offered(form)
    if offered.quote is None:
        return desk.page(form, offered, key=data.get("key", ""), status=422)
    if offered.missing_coins:
        return (
            _pay(desk, form, offered) if data.get("pay_with") else redirect(_top_up(desk, form, offered.missing_coins))
        )
    sealed = _as_shown(desk, data.get("quote", ""), offered.quote)
    if sealed is None:
        return desk.page(form, offered, key=data.get("key", ""), confirm=True)
    try:
        order = placement.place(
            account=desk.account, quote=sealed, key=data.get("key") or new_key(), caller=BROWSER, now=desk.now
        )
    except InsufficientCoins as refusal:
        return redirect(_top_up(desk, form, refusal.missing_coins))
    except NotEligible as refusal:
        shown = {"target": desk.target, "eligibility": refusal.eligibility}
        return render(desk.request, "pages/not_promotable.html", shown, status=422)
    except (QuoteExpired, KeyReused):
        return desk.page(form, desk.offered(form), confirm=True)
    except Refusal as refusal:
        return desk.page(form, Offered(None, offered.free_coins, refusal=refusal), status=422)
    messages.success(desk.request, _("Placed. %(coins)s are held for it.") % {"coins": format_coins(order.pay_coins)})
    return redirect("pages:order", order.public_id)


def _pay(desk: Desk, form: PromoteForm, offered: Offered) -> HttpResponse:
    """Starts the payment of what is missing; the order is placed when it has come."""
    assert offered.quote is not None
    data = desk.request.POST
    sealed = _as_shown(desk, data.get("quote", ""), offered.quote)
    if sealed is None:
        return desk.page(form, offered, key=data.get("key", ""), confirm=True)
    back = f"{reverse('pages:promote', args=[desk.target.public_id])}?{form.state()}"
    how = how_paid(data.get("pay_with", ""), ticked=bool(data.get("save")))
    try:
        started = paying.start(
            account=desk.account,
            quote=sealed,
            method=how.method,
            saved=how.saved,
            save=how.save,
            key=data.get("key") or new_key(),
            caller=BROWSER,
            surface=SURFACE,
            return_url=return_url(desk.request, back),
            now=desk.now,
        )
    except (QuoteExpired, KeyReused):
        return desk.page(form, desk.offered(form), confirm=True)
    except Refusal as refusal:
        return desk.page(form, Offered(None, offered.free_coins, refusal=refusal), status=422)
    return onwards(desk.request, started.top_up, back)


def _as_shown(desk: Desk, sealed: str, fresh: Quote) -> str | None:
    """The sealed price that the page showed, where it is still the price of what the form says."""
    try:
        shown = quotes.read(sealed, account=desk.account)
    except QuoteInvalid:
        return None
    return sealed if _terms(shown) == _terms(fresh.plan) and desk.now < shown.expires_at else None


def _terms(plan: Plan) -> tuple[object, ...]:
    return (
        plan.target, plan.function, plan.objective, plan.duration_s, plan.audience, plan.website_url,
        plan.call_to_action, plan.cost_coins, plan.coupon_coins, plan.offer_id, plan.market,
    )  # fmt: skip


def _top_up(desk: Desk, form: PromoteForm, missing_coins: int) -> str:
    back = f"{reverse('pages:promote', args=[desk.target.public_id])}?{form.state()}"
    return f"{reverse('pages:top_up')}?{urlencode({'need': missing_coins, 'next': back})}"


def _reload(request: HttpRequest) -> HttpResponse:
    """What may be promoted has changed under the open page: it is loaded anew, and says why."""
    response = HttpResponse(_("Load the page again."))
    response["HX-Refresh"] = "true"
    return response
