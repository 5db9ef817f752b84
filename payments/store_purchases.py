"""Coins that a store sold: an app hands in its proof, or the store tells of it first; either way once.

The proof, or the notice, only says which purchase: what it is, whose, and whether it stands is asked of the store. The
coins are those of our pack for its product, never a matter of the price, which is the store's own. Source: DESIGN.md 2,
payments.md 3.3.
"""

import logging
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from payments import gateways, providers, refused, returns, top_up_ends, top_ups
from payments.gateways.base import (
    BadProof,
    Fetched,
    GatewayAway,
    GatewayRefused,
    NoSuchPurchase,
    PaymentState,
    Store,
)
from payments.models import TopUp, TopUpStatus
from promote import ids
from promote.accounts.models import Account
from promote.markets.models import CoinPack, Market, PaymentMethod
from promote.refusals import FieldError, Invalid, Refusal, Text

log = logging.getLogger(__name__)

WAITS_FOR = timedelta(days=14)
"""A purchase that its buyer pays later, in cash: so long the store may say that it is pending."""

_SENTENCES: dict[str, Text] = {
    "signature": _("This was not signed by the store, so it brings no coins."),
    "unreadable": _(
        "This is not a purchase that the store could have made. Send what the store gave the app, unchanged."
    ),
    "other_app": _("This purchase was made in another app, so it brings no coins here."),
    "test_purchase": _(
        "This purchase was made in the store's other mode, with test money or for real: it does not count here."
    ),
    "unknown": _("The store knows no such purchase."),
    "other_account": _(
        "This purchase belongs to another account, or names none. Sign in with the account that bought it; the app "
        "must name the account to the store when it buys."
    ),
    "unknown_product": _(
        "We don't sell this product here. Nothing is lost: write to us, or ask the store for a refund."
    ),
    "gone_back": _("The store has given the money of this purchase back, so it brings no coins."),
}


class PurchaseRefused(Refusal):
    """A store's purchase that brings no coins. `reason` says why; `gateway` is the store's."""

    code, status = "purchase_refused", 409
    title = _("This purchase brings no coins")

    def __init__(self, *, gateway: str, reason: str, told: str = "") -> None:
        super().__init__(extra={"reason": reason})
        self.sentence = _SENTENCES[reason]
        self.gateway, self.reason, self.told = gateway, reason, told or reason

    @property
    def is_mendable(self) -> bool:
        """Whether ops can add what is missing, and have it looked at again."""
        return self.reason == "unknown_product"


def hand_in(
    *, account: Account, caller_surface: str, method: str, proof: str, shares_use: bool, now: datetime
) -> TopUp:
    """Credits the purchase that an app hands in; one that waits for its buyer's cash stays pending, and is polled.

    The same purchase again is the same top-up. `shares_use`: the buyer agreed that the store may be told how much of it
    was used. Raises Invalid, PurchaseRefused (to be counted, see `count`), ProviderAway.
    """
    row = _row(account, caller_surface, method)
    try:
        store = _store(row.gateway)
        ref = store.purchase_of(proof)
        top_up = _known(row.gateway, ref, account) or _buy(row, account, ref=ref, why="handed_in", now=now)
    except BadProof as bad:
        raise PurchaseRefused(gateway=row.gateway, reason=bad.reason, told=str(bad)) from bad
    except NoSuchPurchase as error:
        raise PurchaseRefused(gateway=row.gateway, reason="unknown", told=str(error)) from error
    except (GatewayAway, GatewayRefused) as error:
        log.error("a purchase could not be looked at: %s: %s", row.gateway, error)
        raise top_ups.ProviderAway from error
    if shares_use and not top_up.shares_use:
        top_up.shares_use = True
        top_up.save(update_fields=["shares_use"])
    return top_up


def told(*, gateway: str, ref: str, now: datetime) -> TopUp | None:
    """The top-up of a purchase that the store told of before the app did; None where no store told.

    Raises PurchaseRefused, GatewayAway, GatewayRefused.
    """
    if not ref or not isinstance(gateways.named(gateway), Store):
        return None
    fetched = providers.ask(gateway, lambda store: store.fetch(ref))
    # While we asked, the app may have handed it in, and its buyer given it back.
    known = TopUp.objects.filter(gateway=gateway, provider_ref=ref).first()
    if known is not None:
        return known
    account = _account(fetched.reference)
    row = PaymentMethod.objects.filter(market_id=account.country, code=gateway).first() if account else None
    if account is None or row is None:
        raise PurchaseRefused(gateway=gateway, reason="other_account", told=_named(fetched))
    return _buy(row, account, ref=ref, why="notice", now=now, fetched=fetched)


def count(refusal: PurchaseRefused) -> None:
    """Counts a refused purchase. By the door, once what was refused is rolled back: the count would go with it."""
    log.warning("purchase refused: %s: %s", refusal.gateway, refusal.told)
    refused.count(gateway=refusal.gateway, reason=refusal.reason, sentence=refusal.told)


def _row(account: Account, surface: str, method: str) -> PaymentMethod:
    """Also where ops has taken the method off: what was paid before is credited."""
    rows = PaymentMethod.objects.filter(market_id=account.country, code=method, in_app=True)
    row = rows.select_related("market").first()
    if row is None or surface not in row.surfaces or not gateways.has_keys(row.gateway):
        raise Invalid([FieldError("method", "invalid_choice", _("No store sells coins here by this name."))])
    return row


def _store(name: str) -> Store:
    found = gateways.named(name)
    if not isinstance(found, Store):
        raise gateways.NoSuchGateway(name)
    return found


def _known(gateway: str, ref: str, account: Account) -> TopUp | None:
    """The paid top-up of this purchase. Raises PurchaseRefused where it is another's."""
    found = TopUp.objects.filter(gateway=gateway, provider_ref=ref).first()
    if found is not None and found.account_id != account.id:
        raise PurchaseRefused(gateway=gateway, reason="other_account", told=f"{found} handed in by {account.public_id}")
    return found if found is not None and found.status == TopUpStatus.PAID else None


def _buy(
    row: PaymentMethod, account: Account, *, ref: str, why: str, now: datetime, fetched: Fetched | None = None
) -> TopUp:
    fetched = fetched or providers.ask(row.gateway, lambda store: store.fetch(ref))
    _judge(row.gateway, account, fetched)
    pack = CoinPack.objects.filter(
        market_id=row.market_id, surface__in=row.surfaces, product_id=fetched.product_id or None
    ).first()
    if pack is None:
        product = f"{row.market_id} {fetched.product_id[:100]!r}"
        raise PurchaseRefused(gateway=row.gateway, reason="unknown_product", told=product)
    with transaction.atomic():
        top_up = _open(row, account, pack, fetched, ref=ref, now=now)
        settled = top_up_ends.settle(top_up=top_up, fetched=fetched, ref=ref, why=why, now=now)
        if fetched.is_partly_back:
            returns.confirm(top_up_id=settled.id, now=now)
        return settled


def _judge(gateway: str, account: Account, fetched: Fetched) -> None:
    """Whose it is, in which mode, and whether it stands. Raises PurchaseRefused."""
    if fetched.is_live != gateways.named(gateway).is_live:
        raise PurchaseRefused(gateway=gateway, reason="test_purchase")
    if fetched.reference != str(account.id):
        raise PurchaseRefused(gateway=gateway, reason="other_account", told=_named(fetched))
    if fetched.state in (PaymentState.FAILED, PaymentState.EXPIRED):
        raise PurchaseRefused(gateway=gateway, reason="gone_back")


def _open(row: PaymentMethod, account: Account, pack: CoinPack, fetched: Fetched, *, ref: str, now: datetime) -> TopUp:
    """Its top-up, once per purchase. The store is the seller, so there is no tax of ours in it."""
    market: Market = row.market
    price = top_up_ends.store_price(fetched) or (pack.price_minor * fetched.quantity, market.currency, market.exponent)
    top_up, is_new = TopUp.objects.get_or_create(
        gateway=row.gateway,
        provider_ref=ref,
        defaults={
            "account": account,
            "key": f"{row.gateway}:{ids.new().hex}",
            "market": market,
            "method": row.code,
            "surface": pack.surface,
            "pack": pack,
            "coins": pack.coins * fetched.quantity,
            "amount_minor": price[0],
            "currency": price[1],
            "exponent": price[2],
            "tax_name": "",
            "tax_percent": 0,
            "tax_minor": 0,
            "started_at": now,
            "expires_at": now + WAITS_FOR,
            "check_at": now + timedelta(seconds=top_ups.FIRST_CHECK_S),
        },
    )
    if is_new:
        top_up_ends.note_start(top_up, now=now)
    return top_up


def _named(fetched: Fetched) -> str:
    """Whom a purchase names, where that may be written down: an app of another's may name a person."""
    return f"names {fetched.reference}" if _account(fetched.reference) else "names no account of ours"


def _account(reference: str) -> Account | None:
    try:
        return Account.objects.filter(id=UUID(reference)).first()
    except ValueError:
        return None
