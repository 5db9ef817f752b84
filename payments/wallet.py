"""An account's coins: what is free, held and owed. Source: DESIGN.md 6.4, api.md `/wallet`.

What of them can be withdrawn, `withdrawing.py` says: it depends on where it is asked for.
"""

from dataclasses import dataclass
from datetime import datetime

from payments import emptying, lots, shares
from payments.models import AccountKind, LedgerAccount, Lot, Origin
from payments.statement import statement
from promote.accounts.models import Account
from promote.money import MICROS

__all__ = ["Balance", "LotLeft", "balance", "grant", "statement"]


@dataclass(frozen=True, slots=True)
class LotLeft:
    lot: Lot
    coins: int


@dataclass(frozen=True, slots=True)
class Balance:
    """`held_coins` are the user's in orders under way (what would come back if they all settled now) and in withdrawals
    under way.
    """

    free_coins: int
    held_coins: int
    debt_coins: int
    lots: list[LotLeft]
    """Those with coins, in the order in which they are spent."""
    withdrawing_coins: int = 0
    """Of the held ones, those in withdrawals."""

    @property
    def in_orders_coins(self) -> int:
        return self.held_coins - self.withdrawing_coins

    @property
    def by_origin(self) -> dict[str, int]:
        """Free coins by where they came from, in the order in which they are spent."""
        coins: dict[str, int] = {}
        for one in self.lots:
            coins[one.lot.origin] = coins.get(one.lot.origin, 0) + one.coins
        return coins


def balance(*, account: Account, now: datetime | None = None) -> Balance:
    """What the account has, from the ledger as it stands. Grants that have expired by `now` are not free any more, also
    where they are not swept yet, as placing sees it; without `now`, all that stands on the ledger.
    """
    own = LedgerAccount.objects.filter(owner=account.id, closed=False)
    micros = {row.id: row for row in own}
    debt = sum(row.balance for row in own if row.kind == AccountKind.DEBT)
    escrows = {row.id: row.balance for row in own if row.kind == AccountKind.ESCROW}
    withdrawing = sum(row.balance for row in own if row.kind == AccountKind.WITHDRAWAL) // MICROS
    with_coins = [row.id for row in own if row.kind == AccountKind.LOT and row.balance]
    held = lots.unexpired(now).filter(ledger_account__in=with_coins)
    left = [LotLeft(lot, micros[lot.ledger_account_id].balance // MICROS) for lot in lots.spending_order(held)]
    return Balance(
        free_coins=sum(one.coins for one in left),
        held_coins=_held_coins(escrows) + withdrawing,
        debt_coins=debt // MICROS,
        lots=left,
        withdrawing_coins=withdrawing,
    )


def grant(
    *, account: Account, coins: int, key: str, now: datetime, expires_at: datetime | None = None, reason: str
) -> Lot:
    """Gives `coins`, once per key; spent before bought ones, never withdrawn. Raises JournalKeyReused."""
    return lots.open_lot(
        account=account,
        origin=Origin.GRANT,
        coins=coins,
        key=key,
        paid_minor=0,
        currency="",
        expires_at=expires_at,
        reason=reason,
        now=now,
    )


def _held_coins(escrows: dict[int, int]) -> int:
    if not escrows:
        return 0
    return sum(
        shares.divide(funding, left_micros=escrows[escrow_id]).refunded_coins
        for escrow_id, funding in emptying.fundings(escrows).items()
    )
