"""An order's own account: filled at placement, spent by delivery, emptied by settlement. Source: DESIGN.md 6.5.

Delivery can spend only what is in it, so an order can't be overspent: the account's CHECK is the proof.
"""

from collections.abc import Collection, Iterable
from datetime import datetime

from payments import ledger
from payments.emptying import EscrowToSettle, FundingDiffers, Weighed, empty, settle, weigh
from payments.funding import CampaignExhausted, Filling, LotToSpend, fill, fund, told_free
from payments.ledger import Movement, Posted
from payments.lots import InsufficientCoins
from payments.shares import CouponShare, Settled

__all__ = [
    "CampaignExhausted",
    "CouponShare",
    "EscrowToSettle",
    "Filling",
    "FundingDiffers",
    "InsufficientCoins",
    "LotToSpend",
    "Settled",
    "Weighed",
    "charge",
    "empty",
    "fill",
    "fund",
    "left",
    "lock",
    "settle",
    "told_free",
    "weigh",
]


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
