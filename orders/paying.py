"""Paying for an order in one step: the missing coins are bought, and it is placed when their money is final.

A quote is taken up while it stands, and keeps its price as long as its payment has time; everything else is checked
anew when the money has come. What can't be placed then leaves the coins in the balance, and its owner is told why.
Heard through the outbox: whoever dies between the two is followed by the next. Source: DESIGN.md 2, Payment.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext_lazy as _

from orders import placement, quotes
from orders.models import Order, OrderPayment
from orders.quotes import Plan, QuoteExpired
from payments import top_ups, wallet
from payments.models import TopUp
from payments.payment_methods import Methods, Offered
from payments.top_ups import NoMethodHere
from promote import ids, notifications, outbox
from promote.accounts.models import Account
from promote.catalogue import targets
from promote.eligibility import Caller, NotEligible, assess
from promote.idempotency.answers import KeyReused
from promote.markets.models import CoinPack
from promote.refusals import NotFound, Refusal

AFTER_THE_PAGE = timedelta(minutes=15)
"""A payment that was made as its page closed is still in time: word of it takes a while."""
LONGEST = timedelta(days=7)
"""For money that a bank moves for days. A promotion that starts later would surprise its owner."""


IN_THE_STORE = _("Get coins in the app first, then place the order.")


class NothingMissing(Refusal):
    code, status = "nothing_missing", 409
    title = _("Your balance is enough")
    sentence = _("Your balance pays for this already: place the order.")


class TooMuchMissing(Refusal):
    code, status = "too_much_missing", 409
    title = _("No pack is large enough")
    sentence = _("More coins are missing than one pack brings. Top up first, in several packs, then place the order.")


@dataclass(frozen=True, slots=True)
class Way:
    """A method that pays for a quote directly, with the pack that it buys: the smallest that is enough."""

    offered: Offered
    pack: CoinPack
    left_coins: int
    """What of the pack stays in the balance."""


def ways(*, account: Account, surface: str, missing_coins: int) -> list[Way]:
    """How the missing coins can be paid for here in one step; none where the market has no such method."""
    return [
        Way(one, pack, pack.coins - missing_coins)
        for one in _direct(top_ups.methods(account=account, surface=surface))
        if (pack := _enough(one, missing_coins)) is not None
    ]


def start(
    *,
    account: Account,
    quote: str,
    method: str,
    key: str,
    caller: Caller,
    surface: str,
    return_url: str,
    now: datetime,
    phone: str = "",
    saved: str = "",
    save: bool = False,
    confirms_in_app: bool = False,
) -> OrderPayment:
    """Starts the payment of the missing coins, once per key; its top-up says what the payer does next.

    Raises QuoteInvalid, QuoteExpired, NotEligible, NothingMissing, TooMuchMissing, KeyReused, and what starting a
    top-up raises (Invalid, NoMethodHere, ProviderAway, NotStarted): nothing was taken then.
    """
    plan = quotes.read(quote, account=account)
    with transaction.atomic():
        known = OrderPayment.objects.filter(account=account, key=key).select_related("top_up").first()
        if known is not None:
            return _the_same(known, plan, account, method)
        target = _checked(plan, account=account, caller=caller, now=now)
        pack = _pack(plan, account=account, surface=surface, method=method, now=now)
        started = top_ups.start(
            account=account,
            caller_surface=surface,
            method=method,
            pack_id=pack.pk if pack else 0,
            key=f"order:{key}"[:255],
            return_url=return_url,
            phone=phone,
            saved=saved,
            save=save,
            confirms_in_app=confirms_in_app,
            now=now,
        )
        facts = {
            "quote": quote,
            "target": plan.target,
            "title": str(target)[:300],
            "app_platform": caller.app_platform or "",
            "app_version": caller.app_version or "",
            "top_up": started,
            "started_at": now,
        }
        made, _is_new = OrderPayment.objects.get_or_create(account=account, key=key, defaults=facts)
        return _the_same(made, plan, account, method)


def get(*, account: Account, public_id: str) -> OrderPayment:
    """The account's own. Raises NotFound, also for another's."""
    rows = OrderPayment.objects.select_related("top_up", "order")
    found = rows.filter(id=ids.parse("pay", public_id), account=account).first()
    if found is None:
        raise NotFound
    return found


@outbox.subscribe_many("top_up_paid")
def on_top_ups_paid(payloads: Sequence[dict[str, Any]], now: datetime) -> None:
    """Places what the payments were for, if they were for orders. Safe to hear twice, and late."""
    paid = {UUID(payload["top_up"]) for payload in payloads}
    waiting = OrderPayment.objects.filter(top_up__in=paid, state=OrderPayment.State.WAITING).order_by("id")
    for top_up_id in list(waiting.values_list("top_up_id", flat=True)):
        place(top_up_id=top_up_id, now=now)


def place(*, top_up_id: UUID, now: datetime) -> OrderPayment | None:
    """Decides a payment whose money is final: places its order, or says why not. Once; None where it is for no order.

    Everything is as in an ordinary placement, in one transaction with the decision, under the payment's lock.
    """
    with transaction.atomic():
        rows = OrderPayment.objects.select_for_update(of=("self",)).select_related("account", "top_up")
        found = rows.filter(top_up=top_up_id).first()
        if found is None or found.state != OrderPayment.State.WAITING:
            return found
        try:
            with transaction.atomic():
                found.order = _place(found, now=now)
        except Refusal as refusal:
            _leave(found, refusal, now=now)
        else:
            found.state, found.ended_at = OrderPayment.State.PLACED, now
            found.save(update_fields=["state", "order", "ended_at"])
        return found


def _place(found: OrderPayment, *, now: datetime) -> Order:
    if not _in_time(found.top_up, now=now):
        raise QuoteExpired
    caller = Caller(found.app_platform or None, found.app_version or None)
    return placement.place_paid(account=found.account, quote=found.quote, key=found.key, caller=caller, now=now)


def _in_time(top_up: TopUp, *, now: datetime) -> bool:
    """Whether its payer did their part while the payment had time."""
    paid_at = top_up.accepted_at or top_up.paid_at or now
    return paid_at <= top_up.expires_at + AFTER_THE_PAGE and now <= top_up.started_at + LONGEST


def _leave(found: OrderPayment, refusal: Refusal, *, now: datetime) -> None:
    with translation.override(found.account.language or None):
        reason = refusal.detail[:500]
    found.state, found.code, found.reason, found.ended_at = OrderPayment.State.NOT_PLACED, refusal.code, reason, now
    found.save(update_fields=["state", "code", "reason", "ended_at"])
    payload = {"title": found.title, "reason": reason, "target": found.target}
    notifications.notify(account=found.account, kind="order_not_placed", payload=payload, now=now)


def _the_same(known: OrderPayment, plan: Plan, account: Account, method: str) -> OrderPayment:
    if quotes.read(known.quote, account=account).id != plan.id or known.top_up.method != method:
        raise KeyReused
    return known


def _checked(plan: Plan, *, account: Account, caller: Caller, now: datetime) -> targets.Target:
    """What would keep the order from being placed now keeps its payment from being started."""
    if now >= plan.expires_at:
        raise QuoteExpired
    target = targets.find(plan.target)
    eligibility = assess(account=account, target=target, caller=caller, now=now)
    if not eligibility.eligible:
        raise NotEligible(eligibility)
    return target


def _pack(plan: Plan, *, account: Account, surface: str, method: str, now: datetime) -> CoinPack | None:
    """None where the method is none of this place: starting the payment says what is. Raises NoMethodHere."""
    missing_coins = plan.pay_coins - wallet.balance(account=account, now=now).free_coins
    if missing_coins <= 0:
        raise NothingMissing
    here = top_ups.methods(account=account, surface=surface)
    direct = _direct(here)
    if here.offered and not direct:
        raise NoMethodHere(reason="in_app", hint=str(IN_THE_STORE))
    offered = next((one for one in direct if one.method.code == method), None)
    if offered is None:
        return None
    pack = _enough(offered, missing_coins)
    if pack is None:
        raise TooMuchMissing
    return pack


def _direct(here: Methods) -> list[Offered]:
    """What can be paid with here but for a store, whose purchase the app makes before we hear of it."""
    return [one for one in here.offered if not one.method.in_app]


def _enough(offered: Offered, missing_coins: int) -> CoinPack | None:
    return min((pack for pack in offered.packs if pack.coins >= missing_coins), key=lambda one: one.coins, default=None)
