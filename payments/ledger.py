"""Posting: the one door through which money moves. Source: DESIGN.md 6.1–6.3, payments.md 1.

A journal is one business event: a unique key, a hash of what was asked, and transfers that are all written or none.
Locks: everything that posts locks its guarded accounts in id order first (`lock`, or `post` itself), after the rows of
the rooms above (order, then ledger accounts by id). So journals never wait in a ring; whoever breaks the order gets
PostgreSQL's 40P01. Nothing here retries: only the outermost caller knows the whole transaction, and its key makes
asking again safe.
"""

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db import DatabaseError, connection, transaction
from django.utils.translation import gettext_lazy as _

from payments.models import AccountKind, Guard, LedgerAccount
from promote import calls
from promote.halving import sqlstate
from promote.refusals import Refusal

COINS = 0
"""The ledger of coins, in micros. Every other ledger is an ISO 4217 number, in minor units (currencies.py)."""

_COIN_PLATFORM = {
    "issuance": 1, "spend": 2, "gifts": 3, "coupon_expense": 4, "expired": 5,
    "returned": 6, "withdrawn": 7, "goodwill": 8, "correction": 9, "write_off": 10,
}  # fmt: skip
"""Ids given by sql/0001_ledger.sql and sql/0024_returns.sql."""


class JournalKeyReused(Refusal):
    """The key stands for another request."""

    code, status = "idempotency_key_reused", 422
    title = _("Key used for another request")
    sentence = _("This key was already used for a request with other contents. Use a new key.")


class Overdrawn(Exception):
    """The database refused a negative balance: nothing was posted. Who could foresee it looks first, under a lock."""


class AccountClosed(Exception):
    """A transfer touched a closed account: nothing was posted."""


class NotEmpty(Exception):
    """An account with money on it can't be closed."""


class Movement(NamedTuple):
    """`amount` from the debit account to the credit account: micros of coins, or minor units of a currency."""

    debit_id: int
    credit_id: int
    amount: int
    ledger: int = COINS


@dataclass(frozen=True, slots=True)
class Entry:
    """A journal to be posted. `request` is what must be the same when the key comes again; else the movements are."""

    kind: str
    key: str
    movements: Sequence[Movement]
    ref: str = ""
    request: Mapping[str, Any] | None = None

    def hash(self) -> bytes:
        asked = self.request if self.request is not None else [_listed(movement) for movement in self.movements]
        return hash_of(kind=self.kind, ref=self.ref, request=asked)


@dataclass(frozen=True, slots=True)
class Posted:
    journal_id: int
    is_new: bool


def post(
    *,
    kind: str,
    key: str,
    movements: Sequence[Movement],
    ref: str = "",
    request: Mapping[str, Any] | None = None,
    now: datetime,
) -> Posted:
    """Posts one journal. The same key with the same request posts nothing and answers `is_new=False`.

    Raises JournalKeyReused, Overdrawn, AccountClosed. The database says so: as all its errors, they spoil the
    transaction they are raised in.
    """
    entry = Entry(kind, key, movements, ref, request)
    if len(movements) == 1:
        return _post_single(entry, now=now)
    asked: list[Any] = [now, kind, key, entry.hash(), ref, *_columns(movements)]
    with named_refusals(), connection.cursor() as cursor:
        cursor.execute(_POST_ONE, asked)
        journal, is_new = cursor.fetchone()
    return Posted(journal, is_new)


def post_many(entries: Sequence[Entry], *, now: datetime) -> list[Posted]:
    """Posts many journals in one statement, all or none; answers in their order. Raises what `post` raises."""
    if not entries:
        return []
    if len({entry.key for entry in entries}) != len(entries):
        raise ValueError("a key stands twice in one batch")
    with transaction.atomic(savepoint=False):
        return _post(entries, now=now)


def find(*, kind: str, key: str, ref: str = "", request: Mapping[str, Any]) -> int | None:
    """The journal that this request made already. Raises JournalKeyReused where the key made another one."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, request_hash FROM payments_journal WHERE key = %s", [key])
        row = cursor.fetchone()
    if row is None:
        return None
    if bytes(row[1]) != hash_of(kind=kind, ref=ref, request=request):
        raise JournalKeyReused
    return int(row[0])


def lock(account_ids: Collection[int]) -> dict[int, LedgerAccount]:
    """Locks accounts until the transaction ends, in id order, and reads them as they then are."""
    accounts = LedgerAccount.objects.select_for_update(no_key=True).filter(id__in=account_ids).order_by("id")
    return {account.id: account for account in accounts}


def open_account(
    *, kind: AccountKind, guard: Guard, owner: UUID | None = None, code: str | None = None, ledger: int = COINS
) -> int:
    """A new account's id; with a code, the id of the account that has it, new or old."""
    return _open(kind=kind, guard=guard, owner=owner, code=code, ledger=ledger, hot=False)


def account_id(*, code: str, ledger: int = COINS) -> int | None:
    """The account with this code."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM payments_ledgeraccount WHERE ledger = %s AND code = %s", [ledger, code])
        row = cursor.fetchone()
    return None if row is None else int(row[0])


def platform(code: str, ledger: int = COINS) -> int:
    """A hot platform account: of coins one of those above; of a currency any code, such as
    `clearing:stripe coin_liability tax_payable revenue`, opened when first asked for.
    """
    if ledger == COINS:
        return _COIN_PLATFORM[code]
    return _open(kind=AccountKind.PLATFORM, guard=Guard.NONE, owner=None, code=code, ledger=ledger, hot=True)


def balances(account_ids: Collection[int]) -> dict[int, int]:
    """Credits less debits of guarded accounts, without a lock. A hot one's is `checkpoints.balance`."""
    rows = LedgerAccount.objects.filter(id__in=account_ids).values_list("id", "credits", "debits")
    return {id_: credited - debited for id_, credited, debited in rows}


def close(account_ids: Collection[int]) -> None:
    """Closes emptied accounts for good: no transfer touches them again. Raises NotEmpty."""
    with named_refusals(), connection.cursor() as cursor:
        cursor.execute("UPDATE payments_ledgeraccount SET closed = true WHERE id = ANY(%s)", [list(account_ids)])


def hash_of(*, kind: str, ref: str, request: Any) -> bytes:
    return hashlib.sha256(_canonical([kind, ref, request]).encode()).digest()


def _post_single(entry: Entry, *, now: datetime) -> Posted:
    """As `post`, of one transfer. Texts are given as PostgreSQL reads them, so that it looks up no types."""
    debit, credit, amount, number = entry.movements[0]
    digest = f"\\x{entry.hash().hex()}"
    asked = [now.isoformat(), entry.kind, entry.key, digest, entry.ref, number, debit, credit, amount]
    with named_refusals():
        journal: int = calls.answer(_POST_SINGLE, asked)
    return Posted(abs(journal), is_new=journal > 0)


def _post(entries: Sequence[Entry], *, now: datetime) -> list[Posted]:
    numbers = [(place, seq) for place, entry in enumerate(entries, 1) for seq in range(1, len(entry.movements) + 1)]
    places = [_numbers(place for place, _seq in numbers), _numbers(seq for _place, seq in numbers)]
    columns = _columns([movement for entry in entries for movement in entry.movements])
    heads = [
        _texts(entry.kind for entry in entries),
        _texts(entry.key for entry in entries),
        _texts(f"\\x{entry.hash().hex()}" for entry in entries),
        _texts(entry.ref for entry in entries),
    ]
    with named_refusals(), connection.cursor() as cursor:
        cursor.execute(_POST, [now, *heads, *places, *columns])
        rows = cursor.fetchall()
    return [Posted(journal, is_new) for journal, is_new in rows]


def _open(*, kind: AccountKind, guard: Guard, owner: UUID | None, code: str | None, ledger: int, hot: bool) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_OPEN, [ledger, kind, code, owner, guard, hot])
        return int(cursor.fetchone()[0])


def _columns(movements: Sequence[Movement]) -> list[str]:
    debits, credited, amounts, ledgers = zip(*movements, strict=True) if movements else ((), (), (), ())
    return [_numbers(column) for column in (ledgers, debits, credited, amounts)]


def _numbers(values: Iterable[int]) -> str:
    """An array as one literal: PostgreSQL would parse and plan a list as an expression of a thousand parts."""
    return f"{{{','.join(map(str, values))}}}"


def _texts(values: Iterable[str]) -> str:
    quoted = ",".join(f'"{value}"' for value in (value.translate(_ESCAPED) for value in values))
    return f"{{{quoted}}}"


def _listed(movement: Movement) -> list[int]:
    return [movement.ledger, movement.debit_id, movement.credit_id, movement.amount]


@contextmanager
def named_refusals() -> Iterator[None]:
    """What a constraint, trigger or function of the ledger refused, by its name."""
    try:
        yield
    except DatabaseError as error:
        if sqlstate(error) == _KEY_REUSED:
            raise JournalKeyReused from error
        diagnosis: Any = getattr(error.__cause__, "diag", None)
        refusal = diagnosis and _REFUSED_BY.get(diagnosis.constraint_name or "")
        if not refusal:
            raise
        raise refusal(diagnosis.message_detail or diagnosis.message_primary) from error


_KEY_REUSED = "PR001"
"""The SQLSTATE of sql/0055_keys.sql."""
_REFUSED_BY = {
    "ledgeraccount_no_overdraft": Overdrawn,
    "ledgeraccount_no_overcredit": Overdrawn,
    "ledgeraccount_open": AccountClosed,
    "ledgeraccount_closed_is_empty": NotEmpty,
}
_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":"), default=str).encode
_ESCAPED = str.maketrans({"\\": r"\\", '"': r"\""})
_OPEN = "SELECT payments_open_account(%s::smallint, %s, %s, %s, %s, %s)"
_POST_SINGLE = "SELECT payments_post_single(%s, %s, %s, %s, %s, %s, %s, %s, %s)"
_POST_ONE = """
    SELECT journal, is_new FROM payments_post_one(
        %s, %s, %s, %s, %s, %s::smallint[], %s::bigint[], %s::bigint[], %s::bigint[])
"""
_POST = """
    SELECT journal, is_new FROM payments_post(
        %s, %s::text[], %s::text[], %s::bytea[], %s::text[],
        %s::int[], %s::int[], %s::smallint[], %s::bigint[], %s::bigint[], %s::bigint[])
"""
