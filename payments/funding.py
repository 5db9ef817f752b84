"""Filling an order's escrow: the user's coins from their lots, the coupon's from its campaign. Source: DESIGN.md 6.4–5.

Two calls to the database (sql/0050_funding.sql), since most of what a placement takes is asking: one locks what can
pay, the other opens the escrow and posts. Which lots pay is decided between them (lots.py).
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection, transaction
from django.utils.translation import gettext_lazy as _

from payments import ledger, lots
from payments.lots import Free
from payments.shares import CouponShare
from promote.accounts.models import Account
from promote.money import MICROS
from promote.refusals import Refusal

KIND = "order_pay"


class CampaignExhausted(Refusal):
    """The coupon's campaign has less than it promised."""

    code = "offer_not_applicable"
    title = _("The coupon can't be used")
    sentence = _("The campaign of this coupon has run out of coins. Place the order without it.")

    def __init__(self) -> None:
        super().__init__(extra={"reason": "campaign_exhausted"})


class LotToSpend(NamedTuple):
    """What the spending order looks at, of a locked lot."""

    ledger_account_id: int
    origin: str
    withdrawable: bool
    expires_at: datetime | None
    opened_at: datetime


class Filling(NamedTuple):
    """How a new escrow is to be filled: its code, its one journal, and which ledger accounts give how many micros. As
    the database's `payments_fund_escrow` asks for it, after owner and time.
    """

    code: str
    kind: str
    key: str
    hash: bytes
    ref: str
    givers: list[int]
    amounts: list[int]


def fund(*, account: Account, pay_micros: int, coupon: CouponShare | None, ref: str, now: datetime) -> int:
    """Moves the user's `pay_micros` (whole coins) and the coupon's into a new escrow; its ledger account's id.

    In the caller's transaction, once per `ref` (journal `order:{ref}:pay`): again, it answers the same escrow.
    Raises InsufficientCoins, CampaignExhausted, JournalKeyReused.
    """
    with _in_a_transaction():
        try:
            filling = fill(account=account, pay_micros=pay_micros, coupon=coupon, ref=ref, now=now)
        except Refusal:
            # Whoever asks again may have less by now: what was funded then is the answer.
            before = _funded_before(account, pay_micros, coupon, ref=ref)
            if before is None:
                raise
            return before
        escrow_id = _open(account, filling, now=now)
        if escrow_id is None:
            escrow_id = _funded_before(account, pay_micros, coupon, ref=ref)
            assert escrow_id is not None, "an escrow is opened in the transaction of its journal"
        return escrow_id


def fill(
    *,
    account: Account,
    pay_micros: int,
    coupon: CouponShare | None,
    ref: str,
    now: datetime,
    free: list[Free[LotToSpend]] | None = None,
) -> Filling:
    """Who pays for an escrow of this `ref`, the coupon first; all of them locked, nothing moved yet: for a caller that
    opens it together with rows of its own. `free`, where the caller has locked the lots already (`told_free`); then
    there is no coupon, whose campaign is to be locked with them. Raises InsufficientCoins, CampaignExhausted.
    """
    if pay_micros <= 0 or pay_micros % MICROS or (coupon is not None and coupon.micros <= 0):
        raise ValueError("an escrow takes whole coins above zero from the user, and a coupon above zero")
    if coupon is not None or free is None:
        parts = _parts(account, pay_micros, coupon, now=now)
    else:
        parts = _of_lots(account, pay_micros, free)
    return Filling(
        code=f"order:{ref}",
        kind=KIND,
        key=_key(ref),
        hash=ledger.hash_of(kind=KIND, ref=ref, request=_request(account, pay_micros, coupon)),
        ref=ref,
        givers=[id_ for id_, _micros in parts],
        amounts=[micros for _id, micros in parts],
    )


def told_free(rows: Iterable[Mapping[str, Any]]) -> list[Free[LotToSpend]]:
    """Lots that `payments_lock_free` answered as JSON, in spending order."""
    free = {}
    for row in rows:
        expires_at = datetime.fromisoformat(row["expires_at"]) if row["expires_at"] else None
        opened_at = datetime.fromisoformat(row["opened_at"])
        lot = LotToSpend(row["account"], row["origin"], row["withdrawable"], expires_at, opened_at)
        free[lot] = row["micros"]
    return _in_order(free)


def _parts(account: Account, pay_micros: int, coupon: CouponShare | None, *, now: datetime) -> list[tuple[int, int]]:
    """Which ledger account pays how many micros, the coupon's first; all of them locked."""
    campaign_id = coupon.campaign_account_id if coupon else None
    free, campaign_micros = _lock(account, campaign_id, now=now)
    paid = _of_lots(account, pay_micros, free)
    if coupon is None:
        return paid
    if campaign_micros < coupon.micros:
        raise CampaignExhausted
    return [(coupon.campaign_account_id, coupon.micros), *paid]


def _of_lots(account: Account, pay_micros: int, free: list[Free[LotToSpend]]) -> list[tuple[int, int]]:
    taken = lots.spend(free, account=account, micros=pay_micros)
    return [(part.ledger_account_id, part.micros) for part in taken]


def _lock(account: Account, campaign_id: int | None, *, now: datetime) -> tuple[list[Free[LotToSpend]], int]:
    """The account's lots with coins that have not expired, in spending order, and the micros of the campaign."""
    free: dict[LotToSpend, int] = {}
    campaign_micros = 0
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT * FROM payments_lock_free(%s, %s, %s::bigint[])",
            [account.id, now, [campaign_id] if campaign_id is not None else []],
        )
        for id_, micros, *facts in cursor:
            if id_ == campaign_id:
                campaign_micros = micros
            else:
                free[LotToSpend(id_, *facts)] = micros
    return _in_order(free), campaign_micros


def _in_order(free: Mapping[LotToSpend, int]) -> list[Free[LotToSpend]]:
    """The micros of each lot, in spending order."""
    return [Free(lot, free[lot]) for lot in lots.spending_order(free)]


def _open(account: Account, filling: Filling, *, now: datetime) -> int | None:
    """The new escrow, filled; None where there is one of this ref."""
    asked: list[Any] = [account.id, filling.code, now, *filling[1:]]
    with ledger.named_refusals(), connection.cursor() as cursor:
        cursor.execute("SELECT payments_fund_escrow(%s, %s, %s, %s, %s, %s, %s, %s::bigint[], %s::bigint[])", asked)
        escrow_id: int | None = cursor.fetchone()[0]
    return escrow_id


def _funded_before(account: Account, pay_micros: int, coupon: CouponShare | None, *, ref: str) -> int | None:
    """The escrow that this request filled. Raises JournalKeyReused where another one did."""
    request = _request(account, pay_micros, coupon)
    if ledger.find(kind=KIND, key=_key(ref), ref=ref, request=request) is None:
        return None
    return ledger.account_id(code=f"order:{ref}")


def _request(account: Account, pay_micros: int, coupon: CouponShare | None) -> dict[str, Any]:
    share = coupon and [coupon.campaign_account_id, coupon.micros]
    return {"account": account.id, "pay": pay_micros, "coupon": share}


def _key(ref: str) -> str:
    return f"order:{ref}:pay"


@contextmanager
def _in_a_transaction() -> Iterator[None]:
    """The caller's, without a savepoint (nothing is written before a refusal), or one of its own."""
    if connection.in_atomic_block:
        yield
    else:
        with transaction.atomic():
            yield
