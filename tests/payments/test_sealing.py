"""Sealed history: whatever is done to a sealed row, by whomever, the audit names it."""

import io
import time

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction

from payments.audit.running import run
from payments.models import Block, Journal, Transfer
from payments.sealing import seal
from promote.money import MICROS
from tests.builders import NOON, an_account
from tests.payments.ledgers import (
    ISSUANCE,
    SPEND,
    a_purse,
    an_escrow,
    as_owner,
    audited,
    charged,
    granted,
    moved,
    sealed,
    settled,
    together,
)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def history() -> list[Block]:
    """Three blocks or more, of orders that were paid, charged and settled."""
    account = an_account()
    granted(account, 900)
    for _ in range(6):
        settled(charged(an_escrow(account, 100), 5_500_000))
    return sealed(most=8)


def first_wrong(*names: str) -> str | None:
    report = run(names=names or ["blocks", "block_chain"])
    return next((finding.first_wrong for finding in report.checks.values() if not finding.ok), None)


def tampered(statement: str, values: dict[str, object]) -> None:
    with as_owner(rules_off=True) as cursor:
        cursor.execute(statement, values)


def test_everything_that_was_posted_is_sealed_once(history):
    assert len(history) >= 3
    assert [block.number for block in history] == list(range(1, len(history) + 1))
    assert sum(block.transfers for block in history) == Transfer.objects.count()
    assert sum(block.journals for block in history) == Journal.objects.count()
    assert sealed() == [], "nothing was posted since"
    report = audited()
    assert report.checks["blocks"].seen == report.transfers
    assert report.checks["block_chain"].seen == len(history)


def test_a_block_goes_on_where_the_last_one_ended(history):
    moved(ISSUANCE, a_purse(), MICROS)
    (block,) = sealed()
    assert (block.number, block.from_xid, block.transfers) == (history[-1].number + 1, history[-1].up_to, 1)
    audited()


WRONGS = {  # what the owner of the tables writes, and what the audit says
    "an amount": (
        "UPDATE payments_transfer SET amount = amount + 1 WHERE id = %(old)s",
        "transfer %(old)s was changed after block",
    ),
    "an account": (
        "UPDATE payments_transfer SET credit_id = 3 WHERE id = %(old)s",
        "transfer %(old)s was changed after block",
    ),
    "a time": (
        "UPDATE payments_transfer SET created_at = created_at - interval '1 microsecond' WHERE id = %(old)s",
        "transfer %(old)s was changed after block",
    ),
    "a row is deleted": (
        "DELETE FROM payments_transfer WHERE id = %(old)s",
        "transfer %(old)s is gone since block",
    ),
    "two rows change places": (
        """UPDATE payments_transfer t SET (journal_id, seq, debit_id, credit_id, amount)
                = (o.journal_id, o.seq + 50, o.debit_id, o.credit_id, o.amount)
             FROM payments_transfer o
            WHERE (t.id, o.id) IN ((%(old)s, %(new)s), (%(new)s, %(old)s))""",
        "transfer %(old)s was changed after block",
    ),
    "a row is put in": (
        """INSERT INTO payments_transfer (journal_id, seq, ledger, debit_id, credit_id, amount, created_at, xid)
           OVERRIDING SYSTEM VALUE
           SELECT journal_id, 50, ledger, debit_id, credit_id, amount, created_at, xid
             FROM payments_transfer WHERE id = %(old)s RETURNING id""",
        "was put in after block",
    ),
    "a row is moved out of history": (
        "UPDATE payments_transfer SET xid = pg_current_xact_id() WHERE id = %(old)s",
        "transfer %(old)s is gone since block",
    ),
    "what a journal is about": (
        "UPDATE payments_journal SET ref = 'another' WHERE id = %(journal)s",
        "journal %(journal)s was changed after block",
    ),
    "where a key ends and a reference begins": (
        """UPDATE payments_journal SET key = key || left(ref, 1), ref = substr(ref, 2) WHERE id = %(journal)s""",
        "journal %(journal)s was changed after block",
    ),
    "the amount in a block": (
        "UPDATE payments_block SET transfers = transfers + 1 WHERE number = 2",
        "block 2 was changed after it was sealed",
    ),
    "the marks of a block": (
        "UPDATE payments_block SET transfer_marks = overlay(transfer_marks PLACING '\\x00' FROM 9) WHERE number = 2",
        "block 2 was changed after it was sealed",
    ),
    "a block with a new hash": (
        """UPDATE payments_block SET sealed_at = sealed_at + interval '1 second' WHERE number = 2;
           UPDATE payments_block b SET hash = payments_block_hash(b) WHERE number = 2""",
        "block 3 does not follow the one before it",
    ),
    "a block with a new hash, and the next one told": (
        """UPDATE payments_block SET sealed_at = sealed_at + interval '1 second' WHERE number = 2;
           UPDATE payments_block b SET hash = payments_block_hash(b) WHERE number = 2;
           UPDATE payments_block SET previous = (SELECT hash FROM payments_block WHERE number = 2) WHERE number = 3""",
        "block 3 was changed after it was sealed",
    ),
    "a block is deleted": (
        "DELETE FROM payments_block WHERE number = 2",
        "block 2 is gone",
    ),
}


@pytest.mark.parametrize(("statement", "said"), WRONGS.values(), ids=WRONGS)
def test_what_was_done_to_sealed_history_is_named(history, statement, said):
    old, new = Transfer.objects.order_by("id")[5:7]
    values = {"old": old.id, "new": new.id, "journal": Journal.objects.exclude(ref="").order_by("id")[2].id}
    assert first_wrong() is None
    tampered(statement, values)
    assert said % values in (first_wrong() or "nothing")


def test_the_first_of_several_changed_rows_is_named(history):
    rows = list(Transfer.objects.order_by("id").values_list("id", flat=True))
    tampered("UPDATE payments_transfer SET amount = amount + 1 WHERE id = ANY(%(rows)s)", {"rows": [rows[9], rows[3]]})
    assert f"transfer {rows[3]} was changed" in (first_wrong() or "nothing")


def test_a_row_whose_marks_were_mended_too_is_found_by_the_chain_and_its_block(history):
    """Who edits row and mark alike still can't edit the hash that the next block holds."""
    row = Transfer.objects.order_by("id")[5]
    tampered("UPDATE payments_transfer SET amount = amount + 1 WHERE id = %(row)s", {"row": row.id})
    tampered(
        """UPDATE payments_block b SET transfer_marks = (
               SELECT string_agg(int8send(t.id) || substr(sha256(payments_transfer_bytes(t)), 1, 8), '' ORDER BY t.id)
                 FROM payments_transfer t WHERE t.xid >= b.from_xid AND t.xid < b.up_to)
            WHERE %(xid)s::text::xid8 >= from_xid AND %(xid)s::text::xid8 < up_to""",
        {"xid": row.xid},
    )
    assert "was changed after it was sealed" in (first_wrong("block_chain") or "nothing")
    assert "its rows do not have its hash" in (first_wrong("blocks") or "nothing")


def test_history_written_anew_is_found_by_a_name_that_was_kept_elsewhere(history):
    kept = str(history[1])
    call_command("audit", "--check", "blocks", "--anchor", kept, stdout=io.StringIO())
    tampered("UPDATE payments_transfer SET created_at = created_at - interval '1 day' WHERE id = 1", {})
    tampered("DELETE FROM payments_block", {})
    sealed(most=8)
    assert first_wrong() is None, "the chain alone is right in itself"
    said = io.StringIO()
    with pytest.raises(SystemExit):
        call_command("audit", "--check", "blocks", "--anchor", kept, stdout=said)
    assert "WRONG anchors: block 2 has the hash" in said.getvalue()
    with pytest.raises(SystemExit):
        call_command("audit", "--check", "blocks", "--anchor", f"99:{'0' * 64}", stdout=said)
    assert "block 99 has the hash None" in said.getvalue()
    with pytest.raises(CommandError, match="not a block's name"):
        call_command("audit", "--anchor", "2")


def test_a_transfer_that_commits_late_is_sealed_by_a_later_block():
    """It has a lower id and a lower transaction id than what is sealed meanwhile: the block waits for it."""
    purse, other = a_purse(10), a_purse(10)
    sealed()

    def slow():
        with transaction.atomic():
            moved(purse, SPEND, 5)
            time.sleep(1.5)
        return Transfer.objects.get(debit_id=purse, credit_id=SPEND).id

    def quick():
        time.sleep(0.4)
        moved(other, SPEND, 7)
        return seal(now=NOON), Transfer.objects.get(debit_id=other, credit_id=SPEND).id

    late, (early_blocks, early) = together([slow, quick])
    assert late < early
    assert early_blocks == [], "what is younger than a transaction that runs is not sealed yet"
    assert sum(block.transfers for block in sealed()) == 2
    audited()


def test_many_who_seal_at_once_make_one_chain():
    for _ in range(40):
        moved(ISSUANCE, a_purse(), MICROS)
    answers = together([lambda: seal(now=NOON, most=3) for _ in range(8)])
    assert all(isinstance(answer, list) for answer in answers), answers
    sealed(most=3)
    assert sum(Block.objects.values_list("transfers", flat=True)) == Transfer.objects.count()
    audited()


def test_posting_goes_on_while_blocks_are_sealed():
    purses = [a_purse(100) for _ in range(6)]

    def post(purse):
        for _ in range(20):
            moved(purse, SPEND, 1)

    answers = together([*[lambda p=p: post(p) for p in purses], *[lambda: seal(now=NOON, most=5) for _ in range(3)]])
    assert not [answer for answer in answers if isinstance(answer, Exception)]
    sealed(most=5)
    assert sum(Block.objects.values_list("transfers", flat=True)) == Transfer.objects.count()
    audited()


def test_a_transaction_is_sealed_whole_however_large_it_is():
    with transaction.atomic():
        for _ in range(7):
            moved(ISSUANCE, a_purse(), MICROS)
    moved(ISSUANCE, a_purse(), MICROS)
    assert [block.transfers for block in sealed(most=3)] == [7, 1]


def test_a_cluster_whose_transaction_ids_began_anew_seals_nothing_and_says_so(history):
    """After a restore elsewhere a block would claim to cover what it does not."""
    tampered(
        "UPDATE payments_block SET up_to = '9000000000000' WHERE number = (SELECT max(number) FROM payments_block)", {}
    )
    with pytest.raises(DatabaseError, match="the last block ends at 9000000000000"):
        seal(now=NOON)


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO payments_block SELECT * FROM payments_block",
        "UPDATE payments_block SET hash = ''",
        "DELETE FROM payments_block",
        "TRUNCATE payments_block",
        "ALTER TABLE payments_block DISABLE TRIGGER block_stays",
        "DROP TABLE payments_block",
        """CREATE OR REPLACE FUNCTION payments_seal(p_at timestamptz, p_most integer) RETURNS bigint
           LANGUAGE sql AS 'SELECT NULL::bigint'""",
        """CREATE OR REPLACE FUNCTION payments_transfer_bytes(t payments_transfer) RETURNS bytea
           LANGUAGE sql IMMUTABLE AS 'SELECT NULL::bytea'""",
    ],
)
def test_the_application_can_seal_but_not_write_a_block(history, statement):
    with pytest.raises(DatabaseError, match=r"permission denied|must be owner"), connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.mark.parametrize(
    "statement",
    ["UPDATE payments_block SET hash = ''", "DELETE FROM payments_block", "TRUNCATE payments_block"],
)
def test_a_block_stays_even_for_the_owner_of_the_tables(history, statement):
    with pytest.raises(DatabaseError, match="is refused"), as_owner() as cursor:
        cursor.execute(statement)


@pytest.mark.parametrize("lanes", [1, 3])
def test_the_audit_looks_at_a_block_at_a_time_on_however_many_lanes(history, lanes):
    """So its memory is that of a few blocks, however long the history is; and it tells how far it is."""
    told = []
    run(names=["blocks"], lanes=lanes, progress=lambda _name, seen, part: told.append((seen, part)))
    assert [part for _seen, part in told] == [n / len(history) for n in range(1, len(history) + 1)]
    steps = [seen - before for (seen, _), (before, _) in zip(told, [(0, 0), *told], strict=False)]
    assert steps == [block.transfers for block in history]


def test_lanes_see_one_moment(history):
    """A row that commits after the audit began is on none of its connections."""
    before = Transfer.objects.count()
    seen = []

    def progress(name, rows, _part):
        if name == "transfers":
            seen.append(rows)
        elif not seen:
            together([lambda: moved(ISSUANCE, a_purse(), MICROS)])

    report = run(names=["block_chain", "transfers"], lanes=2, progress=progress)
    assert report.ok
    assert seen[-1] == before
    assert Transfer.objects.count() > before
