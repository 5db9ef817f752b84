"""What must hold of accounts, journals and transfers (DESIGN.md 6.1–6.3, 6.6)."""

from collections import defaultdict
from collections.abc import Iterator

from django.db import connection

from payments import checkpoints
from payments.audit import Chunk, register
from payments.audit.guards import hold
from payments.audit.walking import all_at_once, each, walk
from payments.models import Checkpoint, LedgerAccount


@register("guards")
def guards() -> Iterator[Chunk]:
    """Constraints, triggers and their functions are there, valid, switched on, and as they were made."""
    yield from hold("payments")


@register("rights")
def rights() -> Iterator[Chunk]:
    """The application's role writes no balance, changes no posted row, and owns no table of the ledger (ADR 4)."""
    yield from all_at_once("rights")


@register("zero_sum")
def zero_sum() -> Iterator[Chunk]:
    """All balances of a ledger add up to nothing: the cached ones of its accounts and the derived ones of the hot."""
    sums: defaultdict[int, int] = defaultdict(int)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT ledger, sum(credits - debits)::bigint, count(*) FROM payments_ledgeraccount GROUP BY ledger"
        )
        seen = 0
        for number, balance, accounts in cursor.fetchall():
            sums[number] += balance
            seen += accounts
    for account in LedgerAccount.objects.filter(hot=True):
        sums[account.ledger] += checkpoints.balance(account.id)
    wrong = [f"ledger {number} adds up to {total}, not to 0" for number, total in sorted(sums.items()) if total]
    yield Chunk(seen, wrong[0] if wrong else None)


@register("balances")
def balances() -> Iterator[Chunk]:
    """What stands on an account is what its transfers say."""
    yield from walk("payments_ledgeraccount", "balances")


@register("no_overdraft")
def no_overdraft() -> Iterator[Chunk]:
    """Every account has the guard of its kind, and keeps to it."""
    yield from walk("payments_ledgeraccount", "no_overdraft", size=200_000)


@register("transfers")
def transfers() -> Iterator[Chunk]:
    """Every transfer has its journal, of the same transaction, and two accounts of its own ledger."""
    # Each range reads the journals and accounts that it may meet: the fewer ranges, the seldomer.
    yield from walk("payments_transfer", "transfers", size=400_000)


@register("journals")
def journals() -> Iterator[Chunk]:
    """A journal's transfers are numbered from 1 without a gap: none was taken out."""
    yield from walk("payments_journal", "journals", size=100_000)


@register("checkpoints")
def checkpoints_hold() -> Iterator[Chunk]:
    """A hot account's last checkpoint is what the transfers below it say."""
    last = Checkpoint.objects.order_by("account_id", "-up_to").distinct("account_id")
    yield from each("checkpoints", list(last.values("id", "account_id", "up_to", "debits", "credits")))
