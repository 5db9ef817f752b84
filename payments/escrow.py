"""An order's own account: filled at placement, spent by delivery, emptied by settlement. Source: DESIGN.md 6.5.

Delivery can spend only what is in it, so an order can't be overspent: the account's CHECK is the proof.
"""

from collections.abc import Collection, Iterable
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from payments import ledger, lots
from payments.emptying import EscrowToSettle, FundingDiffers, Weighed, empty, settle, weigh
from payments.ledger import Movement, Posted
from payments.lots import InsufficientCoins
from payments.models import AccountKind, Guard
from payments.shares import CouponShare, Settled
from promote.accounts.models import Account
from promote.money import MICROS
from promote.refusals import Refusal

__all__ = [
    "CampaignExhausted",
    "CouponShare",
    "EscrowToSettle",
    "FundingDiffers",
    "InsufficientCoins",
    "Settled",
    "Weighed",
    "charge",
    "empty",
    "fund",
    "left",
    "lock",
    "settle",
    "weigh",
]


class CampaignExhausted(Refusal):
    """The coupon's campaign has less than it promised."""

    code = "offer_not_applicable"
    title = _("The coupon can't be used")
    sentence = _("The campaign of this coupon has run out of coins. Place the order without it.")

    def __init__(self) -> None:
        super().__init__(extra={"reason": "campaign_exhausted"})


def fund(*, account: Account, pay_micros: int, coupon: CouponShare | None, ref: str, now: datetime) -> int:
    """Moves the user's `pay_micros` (whole coins) and the coupon's into a new escrow; its ledger account's id.

    In the caller's transaction, once per `ref` (journal `order:{ref}:pay`): again, it answers the same escrow.
    Raises InsufficientCoins, CampaignExhausted, JournalKeyReused.
    """
    if pay_micros <= 0 or pay_micros % MICROS or (coupon is not None and coupon.micros <= 0):
        raise ValueError("an escrow takes whole coins above zero from the user, and a coupon above zero")
    key, kind = f"order:{ref}:pay", "order_pay"
    share = coupon and [coupon.campaign_account_id, coupon.micros]
    request = {"account": account.id, "pay": pay_micros, "coupon": share}
    with transaction.atomic():
        # First, so that who asks for the same escrow at once waits here, holding nothing. One that is there was funded.
        escrow_id, is_new = ledger.open_or_find(
            kind=AccountKind.ESCROW, guard=Guard.CREDIT, owner=account.id, code=f"order:{ref}"
        )
        if not is_new:
            posted = ledger.find(kind=kind, key=key, ref=ref, request=request)
            assert posted is not None, "an escrow is opened in the transaction of its journal"
            return escrow_id
        free, campaigns = lots.lock_free(
            account=account, now=now, also_lock=[coupon.campaign_account_id] if coupon else []
        )
        taken = lots.spend(free, account=account, micros=pay_micros)
        movements = [Movement(part.ledger_account_id, escrow_id, part.micros) for part in taken]
        if coupon:
            if campaigns[coupon.campaign_account_id].balance < coupon.micros:
                raise CampaignExhausted
            movements.insert(0, Movement(coupon.campaign_account_id, escrow_id, coupon.micros))
        ledger.post(kind=kind, key=key, ref=ref, request=request, movements=movements, now=now)
        return escrow_id


def left(*, escrow_ids: Collection[int]) -> dict[int, int]:
    """Micros left in each escrow, without a lock."""
    return ledger.balances(escrow_ids)


def lock(escrow_ids: Collection[int]) -> dict[int, int]:
    """Locks escrows in id order until the transaction ends; micros left in each, 0 in one that is settled."""
    return {id_: escrow.balance for id_, escrow in ledger.lock(escrow_ids).items()}


def charge(*, key: str, charges: Iterable[tuple[int, int]], now: datetime) -> Posted:
    """Spends (escrow id, micros) as one journal, one transfer an escrow. What is more than is left raises Overdrawn:
    the caller has locked the escrows and fitted its charges. A settled escrow raises AccountClosed.
    """
    spend = ledger.platform("spend")
    movements = [Movement(escrow_id, spend, micros) for escrow_id, micros in charges if micros]
    return ledger.post(kind="charge", key=key, movements=movements, now=now)
