"""Lots of coins: how one is opened, and in which order they are spent. Source: DESIGN.md 6.4."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, Protocol, TypeVar
from uuid import UUID

from django.db import connection
from django.db.models import F, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from payments import debts, ledger
from payments.models import Lot, Origin
from payments.models.lots import NEVER_WITHDRAWN
from promote import ids
from promote.accounts.models import Account
from promote.money import format_coins, micros_to_coins_ceil
from promote.refusals import Refusal

NEVER = datetime.max.replace(tzinfo=UTC)


class InsufficientCoins(Refusal):
    code, status = "insufficient_coins", 402
    title = _("Not enough coins")
    sentence = _("You need {coins} more. Add coins to your balance, then try again.")

    def __init__(self, *, missing_coins: int) -> None:
        self.missing_coins = missing_coins
        super().__init__(extra={"missing_coins": missing_coins}, coins=format_coins(missing_coins))


class CoinsOwed(InsufficientCoins):
    """Whoever owes has no free coins, since every credit repays first: the way out is to add both."""

    sentence = _("A payment of yours went back after its coins were spent, so {owed} are owed. Add {coins} to go on.")

    def __init__(self, *, missing_coins: int, owed_coins: int) -> None:
        super().__init__(missing_coins=missing_coins)
        self.extra["debt_coins"] = owed_coins
        self.names["owed"] = format_coins(owed_coins)


class Spendable(Protocol):
    """What the spending order looks at."""

    @property
    def origin(self) -> str: ...
    @property
    def withdrawable(self) -> bool: ...
    @property
    def expires_at(self) -> datetime | None: ...
    @property
    def opened_at(self) -> datetime: ...
    @property
    def ledger_account_id(self) -> int: ...


SomeLot = TypeVar("SomeLot", bound=Spendable)
Held = TypeVar("Held")
"""A lot, or the part of it that its use looks at."""


@dataclass(frozen=True, slots=True)
class Taken:
    """Micros to leave one lot."""

    ledger_account_id: int
    micros: int


@dataclass(frozen=True, slots=True)
class Free(Generic[Held]):
    """A lot and the micros on it."""

    lot: Held
    micros: int


def spending_order(lots: Iterable[SomeLot]) -> list[SomeLot]:
    """Grants by expiry, then what can't be withdrawn, then what can, each oldest first: so the user keeps longest what
    is worth most to them.
    """

    def place(lot: SomeLot) -> tuple[int, datetime, datetime, int]:
        group = 0 if lot.origin == Origin.GRANT else 2 if lot.withdrawable else 1
        return group, lot.expires_at or NEVER, lot.opened_at, lot.ledger_account_id

    return sorted(lots, key=place)


def split(free: Iterable[Free[Any]], *, micros: int) -> list[Taken]:
    """Takes `micros` from lots in the order given; nothing moves yet. Raises InsufficientCoins."""
    taken, missing = [], micros
    for there in free:
        part = min(there.micros, missing)
        if part:
            taken.append(Taken(there.lot.ledger_account_id, part))
            missing -= part
    if missing:
        raise InsufficientCoins(missing_coins=micros_to_coins_ceil(missing))
    return taken


def spend(free: Iterable[Free[Any]], *, account: Account, micros: int) -> list[Taken]:
    """As `split`; where the account owes, what it owes is missing too. Raises InsufficientCoins, CoinsOwed."""
    try:
        return split(free, micros=micros)
    except InsufficientCoins as short:
        owed_coins = micros_to_coins_ceil(debts.owed_micros(account.id))
        if not owed_coins:
            raise
        raise CoinsOwed(missing_coins=short.missing_coins + owed_coins, owed_coins=owed_coins) from short


def open_lot(
    *,
    account: Account,
    origin: str,
    coins: int,
    key: str,
    paid_minor: int,
    currency: str,
    now: datetime,
    expires_at: datetime | None = None,
    top_up: UUID | None = None,
    reason: str = "",
) -> Lot:
    """Credits `coins` as a lot of their own, once per key, and repays what the account owes from them first.

    A grant (origin `grant`) has no price; a purchase has `paid_minor` of `currency`, and no expiry. Whether it can be
    withdrawn follows from its origin. Raises JournalKeyReused.
    """
    kind = "grant" if origin == Origin.GRANT else "top_up"
    ref = ids.public("top", top_up) if top_up else ""
    request = {
        "account": account.id,
        "origin": origin,
        "coins": coins,
        "paid": [paid_minor, currency],
        "expires_at": expires_at.isoformat() if expires_at else None,
        "reason": reason,
    }
    asked: list[Any] = [
        ids.new(), account.id, kind, key, ledger.hash_of(kind=kind, ref=ref, request=request), ref, origin, coins,
        paid_minor, currency, top_up, reason, expires_at, is_withdrawable(origin), now,
    ]  # fmt: skip
    with ledger.named_refusals(), connection.cursor() as cursor:
        cursor.execute(_OPEN, asked)
        (lot_id,) = cursor.fetchone()
    return Lot.objects.get(id=lot_id)


def is_withdrawable(origin: str) -> bool:
    return origin not in NEVER_WITHDRAWN


def unexpired(now: datetime | None) -> QuerySet[Lot]:
    """The lots whose coins count: without `now`, all."""
    return Lot.objects.all() if now is None else Lot.objects.filter(Q(expires_at=None) | Q(expires_at__gt=now))


def free(*, account: Account, now: datetime) -> list[Free[Lot]]:
    """As `lock_free`, without the lock: to show, not to take from."""
    found = unexpired(now).filter(account=account)
    found = found.filter(ledger_account__credits__gt=F("ledger_account__debits")).select_related("ledger_account")
    return [Free(lot, lot.ledger_account.balance) for lot in spending_order(found)]


def lock_free(*, account: Account, now: datetime) -> list[Free[Lot]]:
    """The account's lots with coins that have not expired, locked in the order of their ids, in spending order: what
    `split` takes from.
    """
    lots = unexpired(now).filter(account=account)
    rows = lots.filter(ledger_account__credits__gt=F("ledger_account__debits")).select_related("ledger_account")
    locked = rows.select_for_update(no_key=True, of=("ledger_account",)).order_by("ledger_account_id")
    return [Free(lot, lot.ledger_account.balance) for lot in spending_order(locked)]


_OPEN = """
    SELECT lot FROM payments_open_lot(
        %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
