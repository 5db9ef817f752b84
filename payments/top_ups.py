"""Buying coins: a payment is started, the provider is asked what became of it, and the coins are credited once.

Whatever wakes us (a notice, the poll, a payer who comes back), `confirm` asks the provider over our own connection,
compares its answer with our row, and moves the row and the money in one transaction. Source: payments.md 2 and 4.
"""

import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from payments import (
    gateways,
    limits,
    paying_saved,
    providers,
    purchases,
    refused,
    saved_methods,
    tax,
    top_up_ends,
)
from payments.gateways.base import (
    Fetched,
    Gateway,
    GatewayAway,
    GatewayRefused,
    GoesOn,
    PaymentState,
    Started,
    TakesLater,
)
from payments.models import TopUp, TopUpStatus
from payments.payment_methods import Methods, methods
from payments.saved_methods import Choice
from promote import ids
from promote.accounts.models import Account
from promote.idempotency.answers import KeyReused
from promote.markets.models import CoinPack, Market, PaymentMethod
from promote.markets.taxes import tax_of
from promote.refusals import FieldError, Invalid, NotFound, Refusal

__all__ = [
    "Methods",
    "Mismatch",
    "NoMethodHere",
    "NotStarted",
    "ProviderAway",
    "came_back",
    "confirm",
    "confirm_read",
    "get",
    "hurry",
    "methods",
    "start",
]

log = logging.getLogger(__name__)

FIRST_CHECK_S = 60


class NoMethodHere(Refusal):
    """Nothing can be bought on this surface; the sentence says where."""

    code, status = "top_up_not_available", 409
    title = _("Coins can't be bought here")
    sentence = _("{hint}")

    def __init__(self, *, reason: str, hint: str) -> None:
        super().__init__(extra={"reason": reason}, hint=hint)


class ProviderAway(Refusal):
    code, status = "provider_unavailable", 503
    title = _("The payment provider does not answer")
    sentence = _("The payment provider does not answer. Nothing was taken. Try again in a minute.")


class NotStarted(Refusal):
    """The provider was there, and said no: asking again changes nothing."""

    code, status = "payment_not_started", 409
    title = _("The payment provider does not take this payment")
    sentence = _("The payment provider does not take this payment. Nothing was taken. Pay another way.")


class Mismatch(Exception):
    """What was paid is not what we asked for. Nothing is credited; ops decides."""


def start(
    *,
    account: Account,
    caller_surface: str,
    method: str,
    pack_id: int,
    key: str,
    return_url: str,
    now: datetime,
    phone: str = "",
    saved: str = "",
    save: bool = False,
    confirms_in_app: bool = False,
) -> TopUp:
    """Opens a payment for a pack of coins; the top-up says what the payer does next. The same key, the same top-up.

    `return_url` is where the payer comes back to, `{top_up}` in it our id. Price and coins are the pack's, never the
    caller's. `phone` goes to the provider of a method that asks for it, and is not kept. What the payer has saved
    (`saved`, its public id) pays once this is committed, by `confirm`: money is never taken for a row that may still be
    undone. `save` says that they agreed to the method's words; `confirms_in_app`, that the app has the provider's own
    form, where they answer their bank instead of on a page. What the provider refuses is over at once, and counts
    against no limit. Raises Invalid, NoMethodHere, LimitReached, KeyReused, ProviderAway, NotStarted.
    """
    market, chosen, pack = _choose(account, caller_surface, method, pack_id)
    number = purchases.phone_of(phone) if chosen.asks_phone else ""
    how = saved_methods.choose(account=account, method=method, saved=saved, save=save, now=now)
    if confirms_in_app:
        how = replace(how, confirms_in_app=_has_form(caller_surface))
    top_up = _open(account, caller_surface, market, chosen, pack, how, key, return_url, now)
    if (top_up.method, top_up.pack_id) != (chosen.code, pack.pk) or (saved and top_up.saved != how.saved):
        raise KeyReused
    if top_up.provider_ref or top_up.status != TopUpStatus.PENDING:
        return top_up
    if top_up.saved_id:
        hurry(top_up_id=top_up.id, now=now)
        return top_up
    purchase = purchases.of(top_up, account=account, return_url=return_url, phone=number)
    try:
        started = providers.ask(top_up.gateway, lambda gateway: gateway.start(purchase, key=f"{top_up.public_id}:v1"))
    except GatewayAway as error:
        log.error("top-up %s could not be started at %s: %s", top_up, top_up.gateway, error)
        raise ProviderAway from error
    except GatewayRefused as error:
        log.error("top-up %s was refused by %s: %s", top_up, top_up.gateway, error)
        top_up_ends.not_started(top_up_id=top_up.id, to=TopUpStatus.FAILED, now=now)
        raise NotStarted from error
    purchases.keep_next(top_up, started)
    return top_up


def came_back(
    *, account: Account, public_id: str, query: Mapping[str, str], return_url: str, now: datetime
) -> tuple[TopUp, bool]:
    """The payer is back from a page of the provider's, which may have given them a word for it: `query`.

    Answers whether they have a next page to go to; if not, the provider is asked at once what became of it, without
    waiting for its notice. A provider that does not answer now is asked again by the poll. Raises NotFound.
    """
    top_up = get(account=account, public_id=public_id)
    if top_up.status != TopUpStatus.PENDING:
        return top_up, False
    purchase = purchases.of(top_up, account=account, return_url=return_url)

    def next_step(gateway: Gateway) -> Started | None:
        if not isinstance(gateway, GoesOn):
            return None
        return gateway.go_on(purchase, query, key=f"{top_up.public_id}:v2")

    try:
        started = providers.ask(top_up.gateway, next_step) if query else None
    except (GatewayAway, GatewayRefused, gateways.NoSuchGateway) as error:
        log.warning("top-up %s could not go on at %s: %s", top_up, top_up.gateway, error)
        started = None
    if started is None:
        hurry(top_up_id=top_up.id, now=now)
        return top_up, False
    purchases.keep_next(top_up, started)
    return top_up, True


def get(*, account: Account, public_id: str) -> TopUp:
    """The account's own top-up. Raises NotFound, also for another's."""
    found = TopUp.objects.filter(id=ids.parse("top", public_id), account=account).first()
    if found is None:
        raise NotFound
    return found


def confirm(*, top_up_id: UUID, now: datetime, provider_ref: str = "", why: str = "asked") -> TopUp:
    """Asks the provider, and ends the top-up as it says: paid (also late), failed or expired. Paid stays paid.

    Any number of calls at once credit once. The provider is asked outside of the transaction. Raises GatewayAway,
    GatewayRefused, and Mismatch, which is also written on the top-up for ops.
    """
    return confirm_read(TopUp.objects.get(id=top_up_id), provider_ref=provider_ref, why=why, now=now)


def confirm_read(top_up: TopUp, *, now: datetime, provider_ref: str = "", why: str = "asked") -> TopUp:
    """As `confirm`, of a row that was read a moment ago; what has changed since is seen under its lock."""
    ref = top_up.provider_ref or provider_ref
    if top_up.saved_id and not ref and top_up.status == TopUpStatus.PENDING:
        top_up = paying_saved.pay(top_up, now=now)
        ref = top_up.provider_ref
    if saved_methods.is_awaited(top_up):
        _save_late(top_up, now=now)
    if top_up.status == TopUpStatus.PAID or not ref:
        return top_up
    fetched = _fetch(top_up, ref, now=now)
    if fetched is None:
        return top_up
    return top_up_ends.settle(top_up=top_up, fetched=fetched, ref=ref, why=why, now=now)


def _save_late(top_up: TopUp, *, now: datetime) -> None:
    """A provider may take the money first, and keep what its payer agreed to save a moment later."""
    fetched = providers.ask(top_up.gateway, lambda provider: provider.fetch(top_up.provider_ref))
    if fetched.saved is not None and fetched.reference == top_up.reference:
        with transaction.atomic():
            locked = TopUp.objects.select_for_update(of=("self",)).select_related("account").get(id=top_up.id)
            if saved_methods.is_awaited(locked):
                saved_methods.remember(top_up=locked, saved=fetched.saved, now=now)


def _fetch(top_up: TopUp, ref: str, *, now: datetime) -> Fetched | None:
    """What the provider has, taken where the payer agreed and it is ours; None where it is about something else."""
    gateway = gateways.named(top_up.gateway)
    fetched = providers.ask(top_up.gateway, lambda provider: provider.fetch(ref))
    if not _agrees(top_up, fetched, is_live=gateway.is_live):
        return None
    if not isinstance(gateway, TakesLater):
        return fetched
    if fetched.state == PaymentState.OPEN and top_up.expires_at <= now:
        return replace(fetched, state=PaymentState.EXPIRED)  # such a page has no end of its own
    if fetched.state != PaymentState.APPROVED:
        return fetched
    # Whoever cancels from now on sees it; whoever has cancelled meanwhile is charged nothing.
    if not TopUp.objects.filter(id=top_up.id, status=TopUpStatus.PENDING).update(asked_at=now):
        return None
    taken = providers.ask(top_up.gateway, lambda _: gateway.take(ref, key=f"{top_up.public_id}:take"))
    return taken if _agrees(top_up, taken, is_live=gateway.is_live) else None


def _agrees(top_up: TopUp, fetched: Fetched, *, is_live: bool) -> bool:
    """Whether the provider speaks of what we asked for. Raises Mismatch where money for something else was paid."""
    difference = _difference(top_up, fetched, is_live=is_live)
    if not difference:
        return True
    if fetched.state in (PaymentState.APPROVED, PaymentState.SETTLING, PaymentState.PAID):
        log.error("top-up %s: %s", top_up, difference)
        TopUp.objects.filter(id=top_up.id).update(problem=difference, check_at=None)
        refused.count(gateway=top_up.gateway, reason="other_payment", sentence=f"{top_up}: {difference}")
        raise Mismatch(difference)
    return False


def hurry(*, top_up_id: UUID, now: datetime) -> None:
    """The payer is back: ask the provider at once instead of waiting for its notice or for the next poll."""
    from payments.tasks import confirm_top_up

    moved = TopUp.objects.filter(id=top_up_id, status=TopUpStatus.PENDING, check_at__gt=now).update(check_at=now)
    if moved:
        transaction.on_commit(lambda: confirm_top_up.apply_async((str(top_up_id),), retry=False), robust=True)


def _choose(account: Account, surface: str, method: str, pack_id: int) -> tuple[Market, PaymentMethod, CoinPack]:
    here = methods(account=account, surface=surface)
    if here.market is None or not here.offered:
        raise NoMethodHere(reason=here.hint_code, hint=str(here.hint))
    if any(one.code == method for one in here.away):
        raise ProviderAway
    chosen = next((one for one in here.offered if one.method.code == method), None)
    if chosen is None:
        known = ", ".join(one.method.code for one in here.offered)
        raise Invalid([FieldError("method", "invalid_choice", _("Here you can pay with: %s.") % known)])
    if chosen.method.in_app:
        told = _("This is bought in the app: buy it in the store, then send here what the store gave you.")
        raise Invalid([FieldError("transaction", "required", told)])
    pack = next((one for one in chosen.packs if one.pk == pack_id), None)
    if pack is None:
        raise Invalid([FieldError("pack", "invalid_choice", _("Choose a pack of this list; its prices may be new."))])
    return here.market, chosen.method, pack


def _has_form(surface: str) -> bool:
    """A browser is led to the provider's page: its form within a page of ours would be a part of ours (SAQ A)."""
    if surface != "android":
        told = _("Only the Android app shows the provider's own form. Leave it out: the payer is led to a page.")
        raise Invalid([FieldError("confirms_in_app", "invalid", told)])
    return True


def _open(
    account: Account,
    surface: str,
    market: Market,
    method: PaymentMethod,
    pack: CoinPack,
    how: Choice,
    key: str,
    return_url: str,
    now: datetime,
) -> TopUp:
    sold = tax_of(market, at=now)
    facts = {
        "market": market,
        "method": method.code,
        "gateway": method.gateway,
        "surface": surface,
        "pack": pack,
        "saved": how.saved,
        "consent": how.consent,
        "return_url": return_url if how.saved else "",
        "confirms_in_app": how.confirms_in_app,
        "coins": pack.coins,
        "amount_minor": pack.price_minor,
        "currency": market.currency,
        "exponent": market.exponent,
        "tax_name": sold.name,
        "tax_percent": sold.percent,
        "tax_minor": tax.within(pack.price_minor, sold.percent),
        "started_at": now,
        "expires_at": now + timedelta(seconds=method.life_s),
        "check_at": now + timedelta(seconds=FIRST_CHECK_S),
    }
    with transaction.atomic():
        limits.hold(account)
        known = TopUp.objects.filter(account=account, key=key).first()
        if known is not None:
            return known
        limits.check_top_up(account=account, market=market, coins=pack.coins, now=now)
        top_up = TopUp.objects.create(account=account, key=key, **facts)
        top_up_ends.note_start(top_up, now=now)
    return top_up


def _difference(top_up: TopUp, fetched: Fetched, *, is_live: bool) -> str:
    """What the provider has otherwise than we, in words for ops; empty where nothing. A store says its own price."""
    pairs = [("reference", top_up.reference, fetched.reference), ("live mode", is_live, fetched.is_live)]
    if not top_up.in_app:
        pairs += [
            ("amount", top_up.amount_minor, fetched.amount_minor),
            ("currency", top_up.currency, fetched.currency),
        ]
    return "; ".join(f"{name}: {theirs!r} instead of {ours!r}" for name, ours, theirs in pairs if ours != theirs)
