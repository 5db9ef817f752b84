"""Transfers to our own bank: a reference, a statement, a second person, and coins once; parts, rests and strays too."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.db import DatabaseError, connections, transaction
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from payments import clearing, paying_back, polling, reconciling, top_ups, wallet, withdrawals
from payments.adjustments import SamePerson
from payments.bank import matching, payouts, references
from payments.bank.matching import NotAllThere
from payments.bank.payouts import OtherPartSent
from payments.bank.statements import ImportedBefore
from payments.models import (
    BankAccount,
    BankLine,
    BankMatch,
    BankPayout,
    BankStatement,
    Difference,
    Lot,
    MatchState,
    MatchUse,
    PayoutState,
    TopUp,
    TopUpStatus,
    Withdrawal,
)
from promote.keys import staff
from promote.refusals import Invalid, WrongState
from sandbox import bank
from tests.builders import a_number, an_account
from tests.front.visitors import an_advertiser, signed_in, text_of
from tests.payments.books import book
from tests.payments.counter import buys
from tests.payments.ledgers import audited
from tests.payments.transfers import (
    a_bank_account,
    a_line,
    a_payment,
    an_entry,
    approved,
    camt,
    csv,
    imported,
    one_of_finance,
    paying,
    the_line,
)

pytestmark = pytest.mark.django_db
HUNDRED = "16000.00"


def a_transfer(coins: int = 100, **facts) -> TopUp:
    """Somebody in Indonesia means to transfer the price of so many coins."""
    if not BankAccount.objects.exists():
        a_bank_account()
    return buys("ID", "offline_bank_transfer", coins=coins, **facts)


def again(top_up: TopUp) -> TopUp:
    return TopUp.objects.get(id=top_up.id)


# --- references -----------------------------------------------------------------------------------------------------


def test_a_reference_is_one_of_iso_11649():
    assert references.of(1_000_000_019) == "RF281000000019"
    assert references._check("539007547034") == "18", "RF18 5390 0754 7034, the standard's own example"


@settings(max_examples=40)
@given(number=st.integers(0, 10**10 - 1), place=st.integers(2, 13), digit=st.integers(0, 9))
def test_one_wrong_digit_is_never_another_reference(number, place, digit):
    reference = references.of(number)
    wrong = reference[:place] + str(digit) + reference[place + 1 :]
    assert references.find(wrong) == ([reference] if wrong == reference else [])


def test_a_reference_is_found_however_it_was_typed_and_wrapped():
    for text in ("RF28 1000 0000 19", "trsf rf281000-000019 kopi", "a\nRF28 1000\n0000 19", "XRF281000000019X"):
        assert references.find(text) == ["RF281000000019"]
    assert references.find("RF29 1000 0000 19, RF28 1000") == []


# --- what the payer sees --------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("static_files")
def test_the_payer_is_told_where_to_how_much_and_with_which_reference_to_copy_and_print():
    account = an_advertiser(country="ID")
    top_up = a_transfer(account=account)
    told = top_up.instructions
    assert (told["bank"], told["account_number"], told["account_name"]) == ("BCA", "8880012345", "Promote")
    assert references.find(told["reference"]) == [top_up.provider_ref]
    assert (top_up.expires_at - top_up.started_at) == timedelta(days=3)
    page = signed_in(account).get(f"/wallet/top-ups/{top_up.public_id}/")
    words = text_of(page)
    for said in (told["reference"], "8880012345", "Rp16,000", "Copy", "Print", "next working day"):
        assert said in words
    assert "A payment for 100 coins is not finished" in text_of(signed_in(account).get("/wallet/"))


def test_it_is_offered_only_where_we_have_an_account():

    def offered():
        here = top_ups.methods(account=an_account(country="ID"), surface="web")
        return [one.method.code for one in here.offered]

    assert "offline_bank_transfer" not in offered()
    account = a_bank_account()
    assert "offline_bank_transfer" in offered()
    BankAccount.objects.filter(pk=account.pk).update(enabled=False)
    assert "offline_bank_transfer" not in offered()


def test_what_nobody_transfers_ends_with_its_time():
    top_up = a_transfer()
    TopUp.objects.filter(id=top_up.id).update(expires_at=timezone.now() - timedelta(seconds=1))
    assert top_ups.confirm(top_up_id=top_up.id, now=timezone.now()).status == TopUpStatus.EXPIRED


# --- statements -----------------------------------------------------------------------------------------------------


def test_a_transfer_on_a_statement_is_credited_once_a_second_person_approves():
    top_up, importer = a_transfer(), one_of_finance()
    imported(csv(a_line("Bunga", "12.00"), paying(top_up)), by=importer)
    arrived = again(top_up)
    assert (arrived.status, arrived.accepted_at is None) == (TopUpStatus.PENDING, False)
    assert not Lot.objects.exists()
    match = BankMatch.objects.get()
    with pytest.raises(SamePerson):
        matching.approve(match_id=match.id, by=importer, now=timezone.now())
    approved(top_up)
    assert again(top_up).status == TopUpStatus.PAID
    assert wallet.balance(account=top_up.account).free_coins == 100
    assert Lot.objects.get().withdrawable
    with pytest.raises(WrongState):
        matching.approve(match_id=match.id, by=one_of_finance(), now=timezone.now())
    audited()


def test_the_same_file_and_the_same_line_credit_nothing_twice():
    top_up = a_transfer()
    line = paying(top_up, ref="B-same")
    first = csv(line)
    imported(first)
    approved(top_up)
    with pytest.raises(ImportedBefore):
        imported(first)
    later = imported(csv(line, a_line("Other", "5.00")))
    assert (later.new_lines, later.known_lines) == (1, 1)
    assert BankMatch.objects.count() == 1
    assert wallet.balance(account=top_up.account).free_coins == 100


def test_lines_without_an_id_of_the_banks_are_known_again_by_what_they_say():
    a_bank_account(csv_ref="")
    twin = a_line("coffee", "10.00", ref="x")
    assert imported(csv(twin, twin)).new_lines == 2
    later = imported(csv(twin, twin, a_line("tea", "10.00", ref="x")))
    assert (later.new_lines, later.known_lines) == (1, 2)


def test_a_csv_is_read_by_its_banks_mapping():
    a_bank_account(
        csv_encoding="cp1252", csv_delimiter=";", csv_skip_lines=2, csv_date="Tanggal", csv_date_format="%d/%m/%Y",
        csv_amount="Kredit", csv_amount_out="Debit", csv_decimal_mark=",", csv_texts="Keterangan,Berita",
        csv_payer="", csv_payer_account="", csv_ref="",
    )  # fmt: skip
    head = "Rekening 888\n\nTanggal;Keterangan;Berita;Debit;Kredit"
    raw = csv("24/11/2026;TRSF Söti;hello;;Rp1.234.567,50", "25/11/2026;FEE;;2.500,00;", head=head)
    imported(raw.decode().encode("cp1252"))
    got = [(line.amount_minor, line.text, line.booked_on.day) for line in BankLine.objects.order_by("booked_on")]
    assert got == [(123_456_750, "TRSF Söti\nhello", 24), (-250_000, "FEE", 25)]


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (b"", "no lines"),
        (csv(head="Day,What"), "There is no column"),
        (csv("yesterday,x,1.00,,,B1"), "Line 2"),
        (csv("2026-11-24,x,1.005,,,B1"), "Line 2"),
        (csv("2026-11-24,x,lots,,,B1"), "not an amount"),
        (b"\xff\xfe\x00", "encoding"),
        (b"<html><body>Login</body>", "well-formed"),
        (b"<Document/>", "camt.053"),
        (camt(an_entry("1.00"), number="999"), "another account: 999"),
        (camt(an_entry("10.00", a_payment("a", "4.00"), a_payment("b", "5.00"))), "do not add up"),
        (camt(head="<!DOCTYPE x>"), "document type"),
        (camt("<!--&lol;-->", head='<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]>'), "Refused"),
        (camt(head='<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]>'), "Refused"),
    ],
)  # fmt: skip
def test_a_file_that_cant_be_read_says_why_and_changes_nothing(raw, told):
    a_bank_account()
    with pytest.raises(Invalid) as refused:
        imported(raw)
    assert told in str(refused.value.errors[0].detail)
    assert not BankStatement.objects.exists()


@pytest.mark.parametrize("version", ["02", "08", "13"])
def test_camt_053_is_read_entry_by_entry_and_payment_by_payment(version):
    one, other, third = (a_transfer() for _ in range(3))
    status = "<Cd>BOOK</Cd>" if version != "02" else "BOOK"
    raw = camt(
        an_entry(HUNDRED, a_payment(one.provider_ref), status=status),
        an_entry("32000.00", *(a_payment(of.provider_ref, HUNDRED) for of in (other, third)), status=status),
        an_entry("5.00", kind="DBIT", status=status),
        an_entry(HUNDRED, status="<Cd>PDNG</Cd>"),
        version=version,
    )
    assert imported(raw).new_lines == 4
    for top_up in (one, other, third):
        approved(top_up)
        assert again(top_up).status == TopUpStatus.PAID
    assert the_line(amount_minor=-500).left_minor == 0
    assert the_line(matches__top_up=one).payer_account == "111222"
    assert imported(raw + b"\n").known_lines == 4


def test_the_demos_bank_prints_statements_that_are_taken():
    call_command("set_bank_account", "ID", bank="BCA", number=bank.NUMBER, holder="Promote")
    top_up = a_transfer()
    transfers = [(references.grouped(top_up.provider_ref), HUNDRED), ("<hello> & thanks", "1.00")]
    printed = bank.statement(transfers, number=bank.NUMBER, currency="IDR", payer="Siti & Co")
    assert imported(printed.encode()).new_lines == 2
    approved(top_up)
    assert again(top_up).status == TopUpStatus.PAID


# --- parts, rests, strays -------------------------------------------------------------------------------------------


def test_a_transfer_in_parts_is_credited_when_all_of_it_is_there():
    top_up = a_transfer()
    imported(csv(paying(top_up, "6000.00")))
    with pytest.raises(NotAllThere):
        approved(top_up)
    told = top_up.account.notifications.get()
    assert (told.kind, told.payload["lacks"]) == ("transfer_in_part", "Rp10,000")
    imported(csv(paying(top_up, "10000.00")))
    approved(top_up)
    assert again(top_up).status == TopUpStatus.PAID
    assert set(BankMatch.objects.values_list("state", flat=True)) == {MatchState.APPROVED}


def test_what_is_too_much_buys_coins_of_its_own_or_goes_back():
    top_up = a_transfer()
    imported(csv(paying(top_up, "21000.00")))
    approved(top_up)
    line = BankLine.objects.get()
    assert line.left_minor == 500_000
    by, now = one_of_finance(), timezone.now()
    match = matching.propose(
        line_id=line.id, use=MatchUse.BUYS, account=top_up.account, reason="Siti's mail", by=by, now=now
    )
    matching.approve(match_id=match.id, by=one_of_finance(), now=now)
    bought = TopUp.objects.get(bank_matches=match)
    assert (bought.coins, bought.amount_minor, bought.status) == (31, 500_000, TopUpStatus.PAID)
    assert wallet.balance(account=top_up.account).free_coins == 131
    with pytest.raises(WrongState):
        matching.propose(line_id=line.id, use=MatchUse.RETURNS, reason="twice", by=by, now=now)
    audited()


def test_a_stray_line_is_matched_by_hand_by_two_people():
    top_up = a_transfer()
    imported(csv(a_line("for coins, thank you", HUNDRED)))
    line, maker = BankLine.objects.get(), one_of_finance()
    assert matching.might_be_for(line) == [top_up]
    for named in ("RF00 1000", top_up.public_id[:-1], ""):
        with pytest.raises(Invalid):
            _by_hand(line, named, maker)
    match = _by_hand(line, references.grouped(top_up.provider_ref), maker)
    with pytest.raises(SamePerson):
        matching.approve(match_id=match.id, by=maker, now=timezone.now())
    approved(top_up)
    assert again(top_up).status == TopUpStatus.PAID


def _by_hand(line, named, by):
    return matching.propose(
        line_id=line.id, use=MatchUse.PAYS, named=named, reason="the payer's mail", by=by, now=timezone.now()
    )


def test_what_a_second_person_refuses_is_free_for_another_use():
    top_up = a_transfer()
    imported(csv(paying(top_up)))
    match = BankMatch.objects.get()
    matching.refuse(match_id=match.id, reason="Another Siti.", by=one_of_finance(), now=timezone.now())
    assert BankLine.objects.get().left_minor == top_up.amount_minor
    assert again(top_up).accepted_at is None
    sent_back = matching.propose(
        line_id=match.line_id, use=MatchUse.RETURNS, reason="bank id 7", by=one_of_finance(), now=timezone.now()
    )
    matching.approve(match_id=sent_back.id, by=one_of_finance(), now=timezone.now())
    assert not Lot.objects.exists()


def test_a_transfer_in_another_currency_or_for_what_is_paid_matches_nothing():
    BankAccount.objects.filter(pk=a_bank_account().pk).update(csv_currency="Payer")
    top_up = a_transfer()
    imported(csv(paying(top_up, payer="USD")))
    assert not BankMatch.objects.exists()
    imported(csv(paying(top_up, payer="IDR")))
    approved(top_up)
    imported(csv(paying(top_up, payer="IDR")))
    assert BankMatch.objects.count() == 1
    assert BankLine.objects.filter(used_minor=0).count() == 2


def test_a_transfer_that_comes_after_its_time_buys_its_coins():
    top_up = a_transfer()
    TopUp.objects.filter(id=top_up.id).update(expires_at=timezone.now() - timedelta(days=5))
    top_ups.confirm(top_up_id=top_up.id, now=timezone.now())
    assert again(top_up).status == TopUpStatus.EXPIRED
    imported(csv(paying(top_up)))
    approved(top_up)
    assert again(top_up).status == TopUpStatus.PAID


def test_what_has_arrived_does_not_expire_while_finance_looks_at_it():
    top_up = a_transfer()
    imported(csv(paying(top_up)))
    TopUp.objects.filter(id=top_up.id).update(expires_at=timezone.now() - timedelta(days=5))
    polling.poll(limit=10, now=timezone.now() + timedelta(days=1))
    assert again(top_up).status == TopUpStatus.PENDING


def test_what_is_no_payment_is_set_aside_with_its_reason():
    a_bank_account()
    imported(csv(a_line("Bunga", "12.00")))
    line, by = BankLine.objects.get(), one_of_finance()
    matching.set_aside(line_id=line.id, reason="Interest", by=by, now=timezone.now())
    for change in (lambda: matching.set_aside(line_id=line.id, reason="Again", by=by, now=timezone.now()),
                   lambda: _by_hand(line, a_transfer().public_id, by)):  # fmt: skip
        with pytest.raises(WrongState):
            change()


# --- the database's own word ----------------------------------------------------------------------------------------


def test_no_code_path_pays_a_transfer_that_two_people_have_not_approved():
    top_up = a_transfer()
    imported(csv(paying(top_up)))
    match = BankMatch.objects.get()
    paid = {"status": "paid", "paid_at": timezone.now()}
    for write in (
        lambda: TopUp.objects.filter(id=top_up.id).update(**paid),
        lambda: BankMatch.objects.filter(id=match.id).update(
            state="approved", checker=match.maker, decided_at=timezone.now()
        ),
        lambda: BankMatch.objects.filter(id=match.id).update(amount_minor=1),
        lambda: BankLine.objects.update(used_minor=0),
        lambda: BankLine.objects.update(amount_minor=1),
        lambda: BankMatch.objects.create(
            line=match.line, use="returns", amount_minor=1, by_reference=True, maker=match.maker,
            proposed_at=timezone.now(),
        ),
        lambda: BankStatement.objects.all().delete(),
    ):  # fmt: skip
        with pytest.raises(DatabaseError), transaction.atomic():
            write()


@pytest.mark.django_db(transaction=True)
def test_many_who_approve_and_import_at_once_credit_once():
    top_up = a_transfer()
    raw = csv(paying(top_up, ref="B-1"))
    finance = [one_of_finance() for _ in range(6)]

    def work(n):
        try:
            imported(raw + b"\n" * n, by=finance[0])
            match = BankMatch.objects.filter(state="proposed").first()
            if match:
                matching.approve(match_id=match.id, by=finance[n], now=timezone.now())
        except (WrongState, SamePerson):
            pass
        finally:
            connections.close_all()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(6)))
    assert BankLine.objects.count() == 1
    assert BankMatch.objects.filter(state="approved").count() == 1
    assert wallet.balance(account=top_up.account).free_coins == 100


# --- back to the payer, and the books -------------------------------------------------------------------------------


def test_a_withdrawal_goes_back_to_the_payers_account_by_two_people_and_the_books_agree():
    top_up = a_transfer()
    imported(csv(paying(top_up)))
    approved(top_up)
    made = withdrawals.request(
        account=top_up.account, surface="web", coins=100, key=f"key-{a_number()}", now=timezone.now()
    )
    paying_back.work(limit=10, now=timezone.now())
    payout = BankPayout.objects.get()
    assert (payout.amount_minor, payout.payee, payout.payee_account) == (1_600_000, "Siti", "111222")
    maker, now = one_of_finance(), timezone.now()
    payouts.tell(payout_id=payout.id, is_sent=True, told="OUT-9", by=maker, now=now)
    with pytest.raises(SamePerson):
        payouts.confirm(payout_id=payout.id, by=maker, now=now)
    payouts.confirm(payout_id=payout.id, by=one_of_finance(), now=now)
    paying_back.work(limit=10, now=now + timedelta(hours=1))
    made.refresh_from_db()
    assert made.status == "succeeded"
    for run_at in (now + timedelta(hours=2), now + timedelta(hours=3)):
        reconciling.reconcile(gateway="bank_transfer", now=run_at)
    assert not Difference.objects.exists()
    assert [book(code, "IDR") for code in ("clearing:bank_transfer", "bank", "withdrawals_payable")] == [0, 0, 0]
    assert [one.apart_minor for one in clearing.clearing()] == [0]
    audited()


def test_a_payout_that_cant_be_sent_puts_the_coins_back():
    top_up = a_transfer()
    imported(csv(paying(top_up)))
    approved(top_up)
    made = withdrawals.request(account=top_up.account, surface="web", coins=40, key="k", now=timezone.now())
    paying_back.work(limit=10, now=timezone.now())
    payout, now = BankPayout.objects.get(), timezone.now()
    payouts.tell(payout_id=payout.id, is_sent=False, told="account closed", by=one_of_finance(), now=now)
    payouts.confirm(payout_id=payout.id, by=one_of_finance(), now=now)
    paying_back.work(limit=10, now=now + timedelta(hours=1))
    made.refresh_from_db()
    assert (made.status, made.legs.get().failure) == ("failed", "account closed")
    assert wallet.balance(account=top_up.account).free_coins == 100


def a_transfer_in_two_parts(**facts) -> TopUp:
    """Rp 16,000: Siti brought 10,000 of it, a day later Budi 6,000."""
    top_up = a_transfer(**facts)
    later = paying(top_up, "6000.00", payer="Budi", account="333444555").replace("2026-11-24", "2026-11-25")
    imported(csv(paying(top_up, "10000.00"), later))
    approved(top_up)
    return top_up


def withdrawn(top_up: TopUp, coins: int) -> Withdrawal:
    """Asked for, and put on finance's list."""
    made = withdrawals.request(
        account=top_up.account, surface="web", coins=coins, key=f"key-{a_number()}", now=timezone.now()
    )
    paying_back.work(limit=10, now=timezone.now() + timedelta(hours=1))
    return made


def decided(payout: BankPayout, *, is_sent: bool, told: str = "OUT") -> None:
    payouts.tell(payout_id=payout.id, is_sent=is_sent, told=told, by=one_of_finance(), now=timezone.now())
    payouts.confirm(payout_id=payout.id, by=one_of_finance(), now=timezone.now())


def on_the_list(made: Withdrawal) -> dict[str, tuple[str, int]]:
    rows = BankPayout.objects.filter(reference=made.legs.get().public_id)
    return {row.payee: (row.payee_account, row.amount_minor) for row in rows}


def test_what_came_from_two_accounts_goes_back_to_both_the_newest_first_and_no_more_than_each_brought():
    top_up = a_transfer_in_two_parts()
    first, second = withdrawn(top_up, 30), withdrawn(top_up, 70)
    assert on_the_list(first) == {"Budi": ("333444555", 480_000)}
    assert on_the_list(second) == {"Budi": ("333444555", 120_000), "Siti": ("111222", 1_000_000)}
    for payout in BankPayout.objects.all():
        decided(payout, is_sent=True)
    now = timezone.now() + timedelta(hours=9)
    paying_back.work(limit=10, now=now)
    assert {seen_again(made).status for made in (first, second)} == {"succeeded"}
    for run_at in (now, now + timedelta(hours=1)):
        reconciling.reconcile(gateway="bank_transfer", now=run_at)
    assert not Difference.objects.exists()
    assert [book(code, "IDR") for code in ("clearing:bank_transfer", "bank", "withdrawals_payable")] == [0, 0, 0]
    audited()


def test_a_refund_of_two_parts_is_paid_back_only_once_both_are_sent():
    made = withdrawn(a_transfer_in_two_parts(), 100)
    one, other = BankPayout.objects.order_by("id")
    decided(one, is_sent=True)
    paying_back.work(limit=10, now=timezone.now() + timedelta(hours=9))
    assert seen_again(made).status == "submitted"
    decided(other, is_sent=True)
    paying_back.work(limit=10, now=timezone.now() + timedelta(hours=19))
    assert seen_again(made).status == "succeeded"


def test_a_part_that_cant_be_sent_keeps_the_other_and_their_accounts_may_be_paid_later():
    top_up = a_transfer_in_two_parts()
    made = withdrawn(top_up, 100)
    decided(BankPayout.objects.order_by("id").last(), is_sent=False, told="account closed")
    paying_back.work(limit=10, now=timezone.now() + timedelta(hours=9))
    assert (seen_again(made).status, made.legs.get().failure) == ("failed", "account closed")
    assert {row.state for row in BankPayout.objects.all()} == {PayoutState.FAILED}
    assert wallet.balance(account=top_up.account).free_coins == 100
    assert on_the_list(withdrawn(top_up, 100)) == on_the_list(made)


def test_a_part_must_be_sent_where_another_was():
    withdrawn(a_transfer_in_two_parts(), 100)
    one, other = BankPayout.objects.order_by("id")
    decided(one, is_sent=True)
    with pytest.raises(OtherPartSent):
        decided(other, is_sent=False)
    decided(other, is_sent=True)
    assert {row.state for row in BankPayout.objects.all()} == {PayoutState.SENT}


def test_no_code_path_sends_an_account_more_than_it_brought_or_to_another_or_half_a_refund():
    top_up = a_transfer_in_two_parts()
    made = withdrawn(top_up, 100)
    one, other = BankPayout.objects.order_by("id")
    facts = {"top_up": top_up, "currency": "IDR", "asked_at": timezone.now(), "reference": "by hand", "amount_minor": 1}
    for match, payee, account, broken in (
        (one.match, one.payee, one.payee_account, "bank_payout_within"),
        (one.match, other.payee, other.payee_account, "bank_payout_to_its_payer"),
    ):
        with pytest.raises(DatabaseError, match=r"account") as refused, transaction.atomic():
            BankPayout.objects.create(match=match, payee=payee, payee_account=account, **facts)
        assert refused.value.__cause__.diag.constraint_name == broken
    with pytest.raises(DatabaseError, match="all parts of a refund"), transaction.atomic():
        for row, is_sent in ((one, True), (other, False)):
            payouts.tell(payout_id=row.id, is_sent=is_sent, told="x", by=one_of_finance(), now=timezone.now())
            checked = {"checker": one_of_finance(), "decided_at": timezone.now()}
            BankPayout.objects.filter(id=row.id).update(state="sent" if is_sent else "failed", **checked)
    assert seen_again(made).status == "submitted"


@pytest.mark.usefixtures("static_files")
def test_the_owner_reads_to_which_accounts_it_goes_by_their_last_digits():
    top_up = a_transfer_in_two_parts(account=an_advertiser(country="ID"))
    client = signed_in(top_up.account)
    asked = text_of(client.get("/wallet/withdraw/?coins=100"))
    assert "to account •••• 4555: Rp6,000" in asked
    assert "to account •••• 22: Rp10,000" in asked
    assert "333444555" not in asked
    made = withdrawn(top_up, 100)
    shown = text_of(client.get(f"/wallet/withdrawals/{made.public_id}/"))
    assert "to account •••• 4555: Rp6,000" in shown


def seen_again(made: Withdrawal) -> Withdrawal:
    made.refresh_from_db()
    return made


# --- the desk -------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("static_files")
def test_finance_imports_matches_and_approves_at_its_desk(client):
    top_up, stray = a_transfer(), a_transfer()
    maker, checker = one_of_finance(), one_of_finance()
    for one in (maker, checker):
        one.groups.add(staff.group_of("finance"))
    client.force_login(maker)
    file = SimpleUploadedFile("november.csv", csv(paying(top_up), a_line("no reference", HUNDRED)))
    sent = {"bank_account": BankAccount.objects.get().pk, "file": file}
    page = client.post("/admin/payments/bankstatement/import/", sent, follow=True)
    assert "2 new lines, 1 matched by reference" in page.content.decode()
    line = BankLine.objects.get(used_minor=0)
    asking = client.get(f"/admin/payments/bankline/{line.pk}/match/").content.decode()
    assert references.grouped(stray.provider_ref) in asking
    hand = {"use": "pays", "named": stray.public_id, "reason": "her mail"}
    client.post(f"/admin/payments/bankline/{line.pk}/match/", hand)
    client.force_login(checker)
    ids = list(BankMatch.objects.values_list("pk", flat=True))
    client.post("/admin/payments/bankmatch/", {"action": "approve_all", "_selected_action": ids})
    assert {again(one).status for one in (top_up, stray)} == {TopUpStatus.PAID}
    for place in ("bankaccount", "bankstatement", "bankline", "bankmatch", "bankpayout"):
        assert client.get(f"/admin/payments/{place}/").status_code == 200


def test_support_neither_imports_nor_approves(client):
    top_up = a_transfer()
    imported(csv(paying(top_up)))
    support = one_of_finance()
    support.groups.add(staff.group_of("support"))
    client.force_login(support)
    match = BankMatch.objects.get()
    for place in ("bankstatement/import/", f"bankmatch/{match.pk}/approve/"):
        assert client.post(f"/admin/payments/{place}", {}).status_code == 403
