"""The ledger refuses in the database what must never be, and posts each journal once."""

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from payments import checkpoints, ledger
from payments.currencies import ledger_of
from payments.ledger import AccountClosed, Entry, JournalKeyReused, Movement, NotEmpty, Overdrawn
from payments.models import AccountKind, Guard, Journal, LedgerAccount, Transfer
from promote.halving import sqlstate
from promote.money import MICROS
from tests.builders import NOON
from tests.payments.ledgers import ISSUANCE, SPEND, a_purse, audited, moved

pytestmark = pytest.mark.django_db


def refused(constraint: str):
    """A context in which the database must refuse by this constraint or trigger."""
    return pytest.raises(DatabaseError, match=constraint)


def insert_transfer(**changed):
    """A row written past the code, right but for what is changed."""
    journal = moved(ISSUANCE, a_purse(), MICROS).journal_id
    row = {"journal_id": journal, "seq": 2, "ledger": 0, "debit_id": ISSUANCE, "credit_id": a_purse(), "amount": 5}
    row |= changed
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO payments_transfer (journal_id, seq, ledger, debit_id, credit_id, amount, created_at)
               VALUES (%(journal_id)s, %(seq)s, %(ledger)s, %(debit_id)s, %(credit_id)s, %(amount)s, now())""",
            row,
        )


def test_a_transfer_moves_both_balances_at_once():
    giver, taker = a_purse(10), a_purse()
    moved(giver, taker, 3 * MICROS)
    assert ledger.balances([giver, taker]) == {giver: 7 * MICROS, taker: 3 * MICROS}


def test_no_account_goes_below_zero():
    giver, taker = a_purse(10), a_purse()
    with pytest.raises(Overdrawn), transaction.atomic():
        moved(giver, taker, 10 * MICROS + 1)
    assert ledger.balances([giver, taker]) == {giver: 10 * MICROS, taker: 0}


def test_a_debt_is_never_repaid_twice():
    debt = ledger.open_account(kind=AccountKind.DEBT, guard=Guard.DEBIT)
    moved(debt, ISSUANCE, 5)
    with pytest.raises(Overdrawn), transaction.atomic():
        moved(a_purse(1), debt, 6)


@pytest.mark.parametrize("code", ["clearing:stripe", "coin_liability"])
def test_one_transfer_moves_what_is_guarded_and_leaves_the_hot_account_as_it_is(code):
    """Of coins by their known ids, of another currency by looking: a hot account's balance is derived."""
    dollars = ledger_of("USD")
    hot, purse = ledger.platform(code, dollars), ledger.open_account(
        kind=AccountKind.WITHDRAWAL, guard=Guard.CREDIT, ledger=dollars
    )  # fmt: skip
    ledger.post(kind="test", key="in", movements=[Movement(hot, purse, 7, dollars)], now=NOON)
    ledger.post(kind="test", key="out", movements=[Movement(purse, hot, 3, dollars)], now=NOON)
    moved(ISSUANCE, SPEND, 2)
    assert ledger.balances([purse, hot, ISSUANCE, SPEND]) == {purse: 4, hot: 0, ISSUANCE: 0, SPEND: 0}


def test_a_closed_account_takes_no_single_transfer_from_a_hot_one_either():
    purse = a_purse()
    ledger.close([purse])
    for giver, taker in ((ISSUANCE, purse), (purse, SPEND)):
        with pytest.raises(AccountClosed), transaction.atomic():
            moved(giver, taker, 1)


def test_within_a_journal_what_comes_in_may_go_out():
    """The guard looks at the journal's end: a lot may repay a debt with the coins that it is opened with."""
    purse, other = a_purse(), a_purse()
    ledger.post(
        kind="test", key="through", movements=[Movement(purse, other, 7), Movement(ISSUANCE, purse, 7)], now=NOON
    )
    assert ledger.balances([purse, other]) == {purse: 0, other: 7}


@pytest.mark.parametrize(("kind", "guard"), [("lot", "N"), ("escrow", "D"), ("campaign", "N"), ("debt", "C")])
def test_no_account_is_opened_without_the_guard_of_its_kind(kind, guard):
    with refused("ledgeraccount_guard_of_kind"), transaction.atomic():
        ledger.open_account(kind=kind, guard=guard)


def test_only_platform_accounts_are_hot():
    with refused("ledgeraccount_hot"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("INSERT INTO payments_ledgeraccount (ledger, kind, guard, hot) VALUES (0, 'lot', 'C', true)")


@pytest.mark.parametrize("amount", [0, -1])
def test_an_amount_is_above_zero(amount):
    with refused("transfer_amount_positive"):
        insert_transfer(amount=amount)


def test_a_transfer_needs_two_accounts():
    purse = a_purse(1)
    with refused("transfer_two_accounts"):
        insert_transfer(debit_id=purse, credit_id=purse)


def test_a_transfer_stays_in_one_currency():
    dollars = ledger.platform("clearing:stripe", ledger_of("USD"))
    with refused("transfer_debit_account"), transaction.atomic():
        insert_transfer(debit_id=dollars)
        connection.check_constraints()
    with refused("transfer_credit_account"), transaction.atomic():
        insert_transfer(ledger=ledger_of("USD"), debit_id=dollars)
        connection.check_constraints()


def test_a_transfer_needs_accounts_that_are_there():
    for side in ("debit", "credit"):
        with refused(f"transfer_{side}_account"):
            insert_transfer(**{f"{side}_id": 999})


def test_a_transfer_needs_a_journal_that_is_there():
    with refused("transfer_journal"):
        insert_transfer(journal_id=2**40)


def test_one_wrong_account_refuses_the_whole_statement():
    purse = a_purse()
    movements = [Movement(ISSUANCE, purse, 5), Movement(ISSUANCE, 999, 5), Movement(ISSUANCE, purse, 5)]
    with refused("transfer_credit_account"), transaction.atomic():
        ledger.post(kind="test", key="three", movements=movements, now=NOON)
    assert ledger.balances([purse]) == {purse: 0}


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE payments_ledgeraccount SET ledger = 840 WHERE id = 3",
        "UPDATE payments_ledgeraccount SET id = DEFAULT WHERE id = 3",
    ],
)
@pytest.mark.django_db(databases=["default", "owner"])
def test_an_account_keeps_its_id_and_ledger(statement):
    """Transfers that name it are not looked at again."""
    with refused("is refused"), transaction.atomic("owner"), transaction.get_connection("owner").cursor() as cursor:
        cursor.execute(statement)


def test_a_hot_account_is_never_closed_and_a_full_one_neither():
    with refused("ledgeraccount_hot_is_derived"), transaction.atomic():
        ledger.close([ISSUANCE])
    with pytest.raises(NotEmpty), transaction.atomic():
        ledger.close([a_purse(1)])


def test_an_account_of_an_unknown_ledger_is_not_opened():
    with refused("ledgeraccount_ledger_known"), transaction.atomic():
        ledger.open_account(kind=AccountKind.LOT, guard=Guard.CREDIT, ledger=1000)


def test_a_number_stands_once_in_a_journal():
    with refused("transfer_once_per_seq"):
        insert_transfer(seq=1)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE payments_transfer SET amount = 1",
        "DELETE FROM payments_transfer",
        "TRUNCATE payments_transfer CASCADE",
        "UPDATE payments_journal SET ref = 'another'",
        "DELETE FROM payments_journal",
        "TRUNCATE payments_journal CASCADE",
        "UPDATE payments_ledgeraccount SET owner = NULL",
        "UPDATE payments_ledgeraccount SET guard = 'N'",
        "DELETE FROM payments_ledgeraccount",
        "TRUNCATE payments_ledgeraccount CASCADE",
        "UPDATE payments_lot SET withdrawable = true",
        "DELETE FROM payments_lot",
        "UPDATE payments_gift SET coins = 1",
        "UPDATE payments_checkpoint SET credits = 1",
    ],
)
@pytest.mark.django_db(databases=["default", "owner"])
def test_what_was_posted_stays_even_for_the_owner_of_the_tables(statement):
    with refused("is refused"), transaction.atomic("owner"), transaction.get_connection("owner").cursor() as cursor:
        cursor.execute(statement)


def test_the_same_key_posts_once():
    purse = a_purse()
    first, again = moved(ISSUANCE, purse, 5, key="once"), moved(ISSUANCE, purse, 5, key="once")
    assert (first.is_new, again.is_new) == (True, False)
    assert first.journal_id == again.journal_id
    assert ledger.balances([purse])[purse] == 5


def test_a_key_used_for_something_else_is_an_error_and_posts_nothing():
    purse = a_purse()
    moved(ISSUANCE, purse, 5, key="once")
    with pytest.raises(JournalKeyReused), transaction.atomic():
        moved(ISSUANCE, purse, 6, key="once")
    entries = [Entry("test", key, [Movement(ISSUANCE, purse, 6)]) for key in ("before", "once", "after")]
    with pytest.raises(JournalKeyReused), transaction.atomic():
        ledger.post_many(entries, now=NOON)
    assert ledger.balances([purse])[purse] == 5
    assert not Journal.objects.filter(key__in=["before", "after"]).exists()


ONE = "SELECT payments_post_one(now(), 'test', 'once', %(hash)s, '', '{0}', '{1}', %(to)s, '{6}')"
SINGLE = "SELECT payments_post_single(now(), 'test', 'once', %(hash)s, '', 0, 1, %(to)s, 6)"
MANY = """SELECT payments_post(now(), '{test,test}', '{new,once}', ARRAY[%(hash)s, %(hash)s]::bytea[], '{"",""}',
                               '{1,2}', '{1,1}', '{0,0}', '{1,1}', %(to)s::bigint[] || %(to)s, '{6,6}')"""
LOT = """SELECT payments_open_lot(gen_random_uuid(), gen_random_uuid(), 'test', 'once', %(hash)s, '', 'grant', 6, 0, '',
                                  NULL, '', NULL, false, now())"""


@pytest.mark.parametrize("call", [ONE, SINGLE, MANY, LOT], ids=["one", "single", "many", "a lot"])
def test_who_does_not_look_whether_a_key_stood_for_something_else_is_told_by_the_database(call):
    purse = a_purse()
    moved(ISSUANCE, purse, 5, key="once")
    with pytest.raises(DatabaseError) as refusal, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(call, {"hash": b"another request", "to": purse if call == SINGLE else [purse]})
    assert sqlstate(refusal.value) == "PR001"
    assert ledger.balances([purse])[purse] == 5


def test_a_request_is_the_same_by_what_was_asked_where_that_is_told():
    purse = a_purse()
    for amount in (5, 6):
        ledger.post(kind="t", key="k", movements=[Movement(ISSUANCE, purse, amount)], request={"coins": 1}, now=NOON)
    assert ledger.balances([purse])[purse] == 5
    with pytest.raises(JournalKeyReused):
        ledger.find(kind="t", key="k", request={"coins": 2})


def test_a_batch_is_posted_whole_or_not_at_all():
    purse = a_purse(1)
    entries = [
        Entry("test", "in", [Movement(ISSUANCE, purse, 5)]),
        Entry("test", "out", [Movement(purse, SPEND, MICROS + 6)]),
    ]
    with pytest.raises(Overdrawn), transaction.atomic():
        ledger.post_many(entries, now=NOON)
    assert not Journal.objects.filter(key__in=["in", "out"]).exists()


def test_a_batch_answers_in_its_own_order_and_posts_only_what_is_new():
    purse = a_purse()
    moved(ISSUANCE, purse, 5, key="b")
    entries = [Entry("test", key, [Movement(ISSUANCE, purse, 5)]) for key in ("c", "b", "a")]
    posted = ledger.post_many(entries, now=NOON)
    keys = [Journal.objects.get(id=one.journal_id).key for one in posted]
    assert keys == ["c", "b", "a"]
    assert [one.is_new for one in posted] == [True, False, True]
    assert ledger.balances([purse])[purse] == 15


def test_a_journal_may_have_nothing_to_move():
    """An order that spent all of its escrow settles with an empty journal, which still happens once."""
    assert ledger.post(kind="test", key="empty", movements=[], now=NOON).is_new
    assert not ledger.post(kind="test", key="empty", movements=[], now=NOON).is_new


def test_a_batch_refuses_to_have_a_key_twice():
    with pytest.raises(ValueError, match="twice"):
        ledger.post_many([Entry("test", "k", []), Entry("test", "k", [])], now=NOON)


def test_a_closed_account_takes_no_transfers():
    purse, other = a_purse(), a_purse(1)
    ledger.close([purse])
    with pytest.raises(AccountClosed), transaction.atomic():
        moved(other, purse, 1)


def test_only_an_empty_account_can_be_closed():
    with pytest.raises(NotEmpty), transaction.atomic():
        ledger.close([a_purse(1)])


def test_a_closed_account_stays_closed():
    purse = a_purse()
    ledger.close([purse])
    with refused("closed for good"), transaction.atomic():
        LedgerAccount.objects.filter(id=purse).update(closed=False)


def test_a_code_names_one_account_of_its_ledger():
    first = ledger.open_account(kind=AccountKind.ESCROW, guard=Guard.CREDIT, code="order:1")
    assert ledger.open_account(kind=AccountKind.ESCROW, guard=Guard.CREDIT, code="order:1") == first
    assert ledger.account_id(code="order:1") == first
    assert ledger.account_id(code="order:2") is None
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO payments_ledgeraccount (ledger, kind, code, guard) VALUES (0, 'escrow', 'order:1', 'C')"
        )


def test_platform_accounts_are_hot_and_one_a_code_and_currency():
    dollars = ledger.platform("coin_liability", ledger_of("USD"))
    assert ledger.platform("coin_liability", ledger_of("USD")) == dollars
    assert ledger.platform("coin_liability", ledger_of("IDR")) != dollars
    for code in ("issuance", "spend", "gifts", "coupon_expense", "expired"):
        account = LedgerAccount.objects.get(id=ledger.platform(code))
        assert (account.code, account.hot, account.ledger) == (code, True, ledger.COINS)


def test_a_transfer_never_touches_a_hot_account():
    purse = a_purse(1)
    moved(purse, SPEND, 5)
    spend = LedgerAccount.objects.get(id=SPEND)
    assert (spend.debits, spend.credits) == (0, 0)
    assert checkpoints.balance(SPEND) == 5


def test_every_transfer_knows_the_transaction_that_wrote_it():
    posted = moved(ISSUANCE, a_purse(), 5)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_xact_id()::text")
        now_running = int(cursor.fetchone()[0])
    transfer = Transfer.objects.get(journal_id=posted.journal_id)
    assert transfer.xid == transfer.journal.xid == now_running


def test_the_audit_agrees():
    moved(a_purse(5), a_purse(), MICROS)
    report = audited()
    assert report.transfers == Transfer.objects.count() > 0
