"""A store asks how much of a purchase was used before it decides on a refund. Only a buyer who agreed is told of."""

from fractions import Fraction
from uuid import UUID

from payments import clawbacks, gateways, providers
from payments.gateways.base import AsksUse, Gateway
from payments.models import Lot, TopUp
from promote.money import MICROS


def tell(*, top_up_id: UUID) -> None:
    """Tells the store which share of the purchase's coins is not free any more, where its buyer agreed to that.

    Coins in running orders count as used: they may be spent before the store decides. Raises GatewayAway,
    GatewayRefused.
    """
    top_up = TopUp.objects.get(id=top_up_id)
    if not top_up.shares_use or not isinstance(gateways.named(top_up.gateway), AsksUse):
        return
    providers.ask(top_up.gateway, lambda store: _tell(store, top_up))


def used_of(lot: Lot) -> Fraction:
    """The share of a lot that is not on it any more, and that no earlier refund of it took: 0 to 1."""
    kept = lot.ledger_account.balance + clawbacks.taken_of(lot)
    return 1 - Fraction(kept, lot.coins * MICROS)


def _tell(store: Gateway, top_up: TopUp) -> None:
    if isinstance(store, AsksUse):
        lot = Lot.objects.select_related("ledger_account").get(top_up=top_up.id)
        store.tell_use(top_up.payment_ref, used=used_of(lot))
