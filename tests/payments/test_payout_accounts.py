"""A transfer that a provider took goes back to a bank account that its payer names: seen by a person, sealed, once."""

import logging
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, OperationalError, transaction
from django.db.models import ProtectedError
from django.utils import timezone

from payments import (
    payers,
    paying_back,
    payout_accounts,
    reconciling,
    returns,
    sealed_rows,
    wallet,
    withdrawals,
    withdrawing,
)
from payments.bank import payouts
from payments.gateways.base import NamedAccount
from payments.models import (
    BankPayout,
    Difference,
    Payer,
    PaymentReturn,
    PayoutAccount,
    PayoutState,
    ReturnKind,
    TopUp,
    Withdrawal,
    WithdrawalLeg,
)
from payments.withdrawing import WithdrawalNotAvailable
from promote.idempotency.answers import KeyReused
from promote.idempotency.models import StoredAnswer
from promote.keys import keyring
from promote.markets.models import PayoutBank
from promote.refusals import Invalid
from tests.api.callers import an_app, problem
from tests.builders import NOON, a_number, a_user, an_account
from tests.payments.books import a_paid_top_up, book, books, lot_of
from tests.payments.counter import Counter, buys, confirmed, post, work_off
from tests.payments.ledgers import audited, left_of
from tests.payments.transfers import one_of_finance

pytestmark = pytest.mark.django_db

SITI = NamedAccount("014", "Siti Rahayu", "8880012345")
SENT = {"bank": "014", "holder": "  Siti   Rahayu ", "number": "888-00 123 45"}
FIAT = ("clearing:doku", "clearing:bank_transfer", "bank", "withdrawals_payable", "taken_back")


def transferred(account: Any = None, coins: int = 1000, **facts: Any) -> TopUp:
    """Coins bought by a transfer to a virtual account of DOKU's."""
    account = account or an_account(country="ID")
    kind = {"method": "doku_bank_transfer", "gateway": "doku", "provider_ref": f"va.{a_number()}", **facts}
    return a_paid_top_up(account, coins, amount_minor=coins * 150, **kind)


def asked_for(top_up: TopUp, coins: int = 600, **facts: Any) -> Withdrawal:
    asked = {"surface": "web", "key": f"key-{a_number()}", "now": NOON, "payout_account": SITI, **facts}
    return withdrawals.request(account=top_up.account, coins=coins, **asked)


def let_go(made: Withdrawal, *, now: Any = NOON) -> BankPayout:
    withdrawals.approve(withdrawal_id=made.id, by=one_of_finance(), now=now)
    paying_back.work(limit=10, now=now)
    return BankPayout.objects.get(reference__in=[leg.public_id for leg in made.legs.all()])


def done(payout: BankPayout, *, is_sent: bool, now: Any = NOON) -> None:
    payouts.tell(payout_id=payout.id, is_sent=is_sent, told="OUT-7", by=one_of_finance(), now=now)
    payouts.confirm(payout_id=payout.id, by=one_of_finance(), now=now)
    paying_back.work(limit=10, now=now + timedelta(seconds=1))


# --- through the API ------------------------------------------------------------------------------------------------


def test_a_quote_says_that_an_account_is_needed_and_which_banks_there_are():
    top_up = transferred()
    card = a_paid_top_up(top_up.account, 100)
    told = an_app(top_up.account).post("/withdrawals/quote", {}).json()
    assert (told["needs_payout_account"], told["is_reviewed"]) == (True, True)
    assert {"code": "014", "name": "BCA", "min_digits": 10, "max_digits": 10} in told["payout_banks"]
    assert [(part["method"], part["to_payout_account"]) for part in told["parts"]] == [
        ("doku_bank_transfer", True),
        ("card", False),
    ]
    assert told["parts"][0]["usual_time"] == {"from_days": 1, "to_days": 5}
    by_card = an_app(a_paid_top_up(an_account(country="ID"), 100).account).post("/withdrawals/quote", {}).json()
    assert (by_card["needs_payout_account"], by_card["payout_banks"]) == (False, [])
    assert card.account.lots.count() == 2


def test_a_withdrawal_tells_of_its_account_the_bank_and_the_last_digits():
    account = transferred().account
    body = {"coins": 600, "payout_account": SENT}
    made = an_app(account).post("/withdrawals", body, Idempotency_Key="k")
    assert made.status_code == 201, made.content
    told = made.json()
    assert (told["status"], told["payout_account"]) == (
        "in_review",
        {"bank": "014", "bank_name": "BCA", "number": "•••• 2345"},
    )
    (leg,) = told["legs"]
    assert (leg["to_payout_account"], leg["payees"][0]["account"]) == (True, "BCA •••• 2345")
    assert an_app(account).get(f"/withdrawals/{told['id']}").json() == told
    for written in (made.content, StoredAnswer.objects.get().body.encode()):
        assert b"8880012345" not in written
        assert b"Rahayu" not in written


@pytest.mark.parametrize(
    ("wrong", "field", "says"),
    [
        (None, "payout_account", "Name a bank account"),
        ({"bank": " "}, "payout_account.bank", "Choose the bank"),
        ({"bank": "999"}, "payout_account.bank", "014 BCA"),
        ({"bank": 14}, "payout_account.bank", "string"),
        ({"holder": " "}, "payout_account.holder", "holder's name"),
        ({"holder": "12345"}, "payout_account.holder", "holder's name"),
        ({"holder": "Siti\nRahayu"}, "payout_account.holder", "can't be read"),
        ({"holder": "Siti\u202eRahayu"}, "payout_account.holder", "can't be read"),
        ({"holder": "S" * 51}, "payout_account.holder", "At most 50"),
        ({"holder": "Siti 4242 4242 4242 4242"}, "payout_account.holder", "card number"),
        ({"number": ""}, "payout_account.number", "account's number"),
        ({"number": "88800x2345"}, "payout_account.number", "digits only"),
        ({"number": "๘๘๘๐๐๑๒๓๔๕"}, "payout_account.number", "digits only"),
        ({"number": "888001234"}, "payout_account.number", "of BCA has 10 digits"),
        ({"number": "1" * 65}, "payout_account.number", "64"),
        ({"bank": "200", "number": "4242424242424242"}, "payout_account.number", "card number"),
        ({"iban": "ID1"}, "", ""),
    ],
)
def test_what_is_wrong_with_an_account_is_told_by_its_field_and_nothing_is_held(wrong, field, says, caplog):
    caplog.set_level(logging.DEBUG)
    account = transferred().account
    body = {"coins": 600} if wrong is None else {"coins": 600, "payout_account": {**SENT, **wrong}}
    answer = an_app(account).post("/withdrawals", body, Idempotency_Key="k")
    if not field:  # what a newer client sends more is no reason to refuse
        assert answer.status_code == 201
        return
    told = problem(answer)
    assert (answer.status_code, told["code"]) == (400, "invalid")
    details = {error["field"]: error["detail"] for error in told["errors"]}
    assert says in details[field]
    assert wallet.balance(account=account).free_coins == 1000
    assert not Withdrawal.objects.exists()
    assert not PayoutAccount.objects.exists()
    for secret in ("8880012345", "888-00 123 45", "Rahayu", "4242424242424242"):
        assert secret not in caplog.text + answer.content.decode()


def test_everything_wrong_is_told_at_once_and_an_account_that_nobody_needs_is_refused():
    account = transferred().account
    empty = {"bank": "", "holder": "", "number": ""}
    told = problem(an_app(account).post("/withdrawals", {"coins": 1, "payout_account": empty}, Idempotency_Key="k"))
    assert [error["field"].rpartition(".")[2] for error in told["errors"]] == ["bank", "holder", "number"]
    by_card = a_paid_top_up(an_account(country="ID"), 100).account
    body = {"coins": 10, "payout_account": SENT}
    told = problem(an_app(by_card).post("/withdrawals", body, Idempotency_Key="k"))
    assert [(error["field"], error["code"]) for error in told["errors"]] == [("payout_account", "not_needed")]
    assert not Withdrawal.objects.exists()


def test_the_same_key_with_another_account_is_reused():
    top_up = transferred()
    made = asked_for(top_up, key="k")
    written = NamedAccount("014", " Siti  Rahayu", "888 001 2345")
    assert asked_for(top_up, key="k", payout_account=written) == made
    for other in (None, NamedAccount("014", "Siti Rahayu", "8880012346"), NamedAccount("014", "Ayu", "8880012345")):
        with pytest.raises(KeyReused):
            asked_for(top_up, key="k", payout_account=other)
    assert PayoutAccount.objects.count() == 1


def test_ios_and_gb_hear_the_same_as_ever():
    account = transferred().account
    with pytest.raises(WithdrawalNotAvailable) as refusal:
        withdrawing.quote(account=account, surface="ios", coins=1, now=NOON)
    assert refusal.value.extra["reason"] == "store"


# --- what is kept ---------------------------------------------------------------------------------------------------


def test_an_account_is_sealed_where_it_lies_and_stays():
    asked_for(transferred())
    kept = PayoutAccount.objects.get()
    assert payout_accounts.opened(kept) == SITI
    for text in (kept.holder, kept.number, str(kept), repr(payout_accounts.opened(kept))):
        assert "8880012345" not in text
        assert "Siti" not in text
    for change in (lambda: PayoutAccount.objects.update(bank_code="002"), kept.delete):
        with pytest.raises((OperationalError, ProtectedError)), transaction.atomic():
            change()


def test_a_seal_that_was_copied_to_another_account_opens_no_more():
    first, second = (asked_for(transferred()).legs.get().payout_account for _ in range(2))
    with pytest.raises(OperationalError, match="stays as it was named"), transaction.atomic():
        PayoutAccount.objects.filter(id=first.id).update(holder=second.holder, number=second.number)
    first.number = second.number
    with pytest.raises(keyring.SealBroken):
        payout_accounts.opened(first)


def test_what_an_older_key_sealed_is_sealed_anew_and_opens_as_before(monkeypatch):
    top_up = transferred()
    kept = asked_for(top_up).legs.get().payout_account
    Payer.objects.create(top_up=top_up, name=sealed_rows.seal("SITI", row_id=top_up.id))
    assert sealed_rows.renew_due(limit=10) == 0
    ring = keyring.from_settings()
    keys = {purpose: ring.all(purpose) for purpose in keyring.PURPOSES}
    rotated = keyring.Keyring({**keys, "fields": (keyring.Key("new", bytes(range(32))), *keys["fields"])})
    monkeypatch.setattr(keyring, "from_settings", lambda: rotated)
    assert (sealed_rows.renew_due(limit=10), sealed_rows.renew_due(limit=10)) == (2, 0)
    kept.refresh_from_db()
    assert (kept.number[:4], payout_accounts.opened(kept), payers.name_of(top_up)) == ("new.", SITI, "SITI")


def test_a_bank_that_is_switched_off_takes_no_new_accounts_and_pays_those_that_were_named():
    top_up = transferred()
    made = asked_for(top_up)
    PayoutBank.objects.filter(market="ID", code="014").update(enabled=False)
    with pytest.raises(Invalid):
        asked_for(top_up, 100)
    assert let_go(made).payout_account == PayoutAccount.objects.get()
    PayoutBank.objects.filter(market="ID").update(enabled=False)
    with pytest.raises(WithdrawalNotAvailable) as refusal:
        withdrawing.quote(account=top_up.account, surface="web", coins=None, now=NOON)
    assert refusal.value.extra["reason"] == "method"


def test_who_moved_names_one_account_at_a_time():
    account = an_account(country="ID")
    transferred(account, 100)
    account.country = "TH"
    account.save()
    there = {"method": "2c2p_bank_transfer", "gateway": "2c2p", "provider_ref": f"top{a_number()}"}
    a_paid_top_up(account, 50, **there)
    plan = withdrawing.quote(account=account, surface="web", coins=None, now=NOON)
    assert plan.coins == 100
    assert {bank.market_id for bank in plan.banks} == {"ID"}


# --- what finance does ----------------------------------------------------------------------------------------------


def test_it_is_sent_by_our_bank_said_by_one_confirmed_by_another_and_the_books_end_even():
    top_up = transferred()
    made = asked_for(top_up)
    assert (made.status, made.legs.get().returned.gateway) == ("in_review", "bank_transfer")
    payout = let_go(made)
    assert (payout.amount_minor, payout.state, payout.payee_account) == (90_000, PayoutState.WAITING, "")
    assert paying_back.work(limit=10, now=NOON + timedelta(days=1)) == 1
    assert BankPayout.objects.count() == 1, "asked again, it is on the list once"
    assert not reconciling.reconcile(gateway="bank_transfer", now=NOON + timedelta(hours=20)).found, "not sent yet"
    done(payout, is_sent=True)
    made.refresh_from_db()
    assert (made.status, made.legs.get().returned.provider_ref) == ("succeeded", f"payout:{payout.id.hex}")
    assert books(*FIAT, currency="IDR") == [-150_000, 90_000, 0, 0, 0]
    run = reconciling.reconcile(gateway="bank_transfer", since=NOON - timedelta(days=1), now=NOON + timedelta(days=1))
    assert (run.lines, run.found) == (2, 0)
    assert books(*FIAT, currency="IDR") == [-150_000, 0, 90_000, 0, 0]
    assert not Difference.objects.exists()
    assert top_up.account.notifications.filter(kind="withdrawal_succeeded").exists()
    audited()


def test_what_cant_be_sent_is_on_its_lot_again_and_its_owner_is_told():
    top_up = transferred()
    made = asked_for(top_up)
    done(let_go(made), is_sent=False)
    made.refresh_from_db()
    assert (made.status, left_of(lot_of(top_up))) == ("failed", 1000)
    leg = an_app(top_up.account).get(f"/withdrawals/{made.public_id}").json()["legs"][0]
    assert leg["failure"]["code"] == "payout_account"
    assert top_up.account.notifications.filter(kind="withdrawal_failed").exists()
    assert books(*FIAT, currency="IDR") == [-150_000, 0, 0, 0, 0]
    assert not reconciling.reconcile(gateway="bank_transfer", now=NOON + timedelta(days=1)).found
    assert asked_for(top_up, 1000).status == "in_review", "it can be asked for again"
    audited()


def test_what_is_refused_at_the_desk_is_on_its_lot_again():
    top_up = transferred()
    made = asked_for(top_up)
    withdrawals.refuse(withdrawal_id=made.id, reason="The account is another's", by=a_user(is_staff=True), now=NOON)
    assert left_of(lot_of(top_up)) == 1000
    assert not BankPayout.objects.exists()
    audited()


def test_a_card_and_a_transfer_go_each_its_way_and_wait_for_one_look():
    top_up = transferred(coins=100)
    a_paid_top_up(top_up.account, 100)
    made = asked_for(top_up, 150)
    named, card = made.legs.all()
    assert (named.payout_account is None, card.payout_account, card.returned.gateway) == (False, None, "stripe")
    assert paying_back.work(limit=10, now=NOON) == 0


def test_with_a_dispute_beside_it_no_more_goes_back_than_was_paid():
    top_up = transferred()
    made = asked_for(top_up)
    returns.take(top_up_id=top_up.id, kind=ReturnKind.DISPUTE, provider_ref="du", amount_minor=60_000, now=NOON)
    with pytest.raises(returns.ReturnDiffers):
        returns.take(top_up_id=top_up.id, kind=ReturnKind.REFUND, provider_ref="re", amount_minor=1, now=NOON)
    assert made.legs.get().returned.amount_minor + 60_000 == top_up.amount_minor


def test_the_database_lets_nothing_else_be_sent():
    top_up, other = transferred(), transferred()
    made, beside = asked_for(top_up), asked_for(other)
    leg = made.legs.get()
    facts: dict[str, Any] = {
        "top_up": top_up,
        "payout_account": leg.payout_account,
        "reference": leg.public_id,
        "amount_minor": leg.returned.amount_minor,
        "currency": "IDR",
        "asked_at": NOON,
    }
    for wrong, guard in [
        ({"amount_minor": 90_001}, "bank_payout_as_named"),
        ({"top_up": other}, "bank_payout_as_named"),
        ({"payout_account": beside.legs.get().payout_account}, "bank_payout_as_named"),
        ({"reference": "wdl_1"}, "bank_payout_as_named"),
        ({"payout_account": None}, "bank_payout_as_named"),
        ({"payee_account": "111222"}, "bank_payout_to_line_or_named"),
    ]:
        with pytest.raises(IntegrityError, match=guard), transaction.atomic():
            BankPayout.objects.create(**{**facts, **wrong})
    payout = BankPayout.objects.create(**facts)
    with pytest.raises(IntegrityError, match="bank_payout_named_once"), transaction.atomic():
        BankPayout.objects.create(**facts)
    with pytest.raises(OperationalError, match="stays as it was"), transaction.atomic():
        BankPayout.objects.filter(id=payout.id).update(payout_account=beside.legs.get().payout_account)
    with pytest.raises(OperationalError, match="stays as it was requested"), transaction.atomic():
        WithdrawalLeg.objects.update(payout_account=None)


def test_nobody_is_paid_by_name_whom_no_person_looked_at():
    top_up = transferred()
    card = a_paid_top_up(top_up.account, 100)
    named = asked_for(top_up).legs.get().payout_account
    made = withdrawals.request(account=card.account, coins=100, surface="web", key="k", now=NOON, payout_account=SITI)
    returned = PaymentReturn.objects.create(
        top_up=card, kind="withdrawal", state="under_way", gateway="stripe", amount_minor=1, currency="IDR", coins=1,
        noticed_at=NOON,
    )  # fmt: skip
    facts = {"withdrawal": made, "seq": 9, "lot": lot_of(card), "coins": 1, "returned": returned}
    strangers = asked_for(transferred()).legs.get().payout_account
    for wrong in ({"check_at": NOON, "payout_account": named}, {"payout_account": strangers}):
        with pytest.raises(IntegrityError, match="leg_to_named_is_reviewed"), transaction.atomic():
            WithdrawalLeg.objects.create(**facts, **wrong)


# --- what providers say ---------------------------------------------------------------------------------------------


def test_the_payers_name_is_kept_sealed_where_doku_told_it(at_counter: Counter):
    top_up = buys("ID", "doku_bank_transfer")
    at_counter.pays(top_up)
    (letter,) = at_counter.letters()
    post(letter)
    work_off()
    kept = confirmed(top_up)
    assert payers.name_of(kept).startswith("PAYER ")
    assert "PAYER" not in kept.payer.name
    wallets = buys("ID", "dana")
    assert payers.name_of(wallets) == ""


def test_2c2p_wants_an_account_of_a_bank_that_it_knows_and_its_no_brings_the_coins_back(at_counter: Counter, caplog):
    caplog.set_level(logging.DEBUG)
    PayoutBank.objects.create(market_id="TH", code="999", name="No bank", min_digits=10, max_digits=10)
    top_up = buys("TH", "2c2p_bank_transfer")
    at_counter.pays(top_up)
    assert confirmed(top_up).status == "paid"
    now = timezone.now()
    for bank, becomes in (("999", "failed"), ("004", "submitted")):
        account = NamedAccount(bank, "Somchai <Jaidee>", "1234567890")
        made = asked_for(top_up, 1000, now=now, payout_account=account)
        withdrawals.approve(withdrawal_id=made.id, by=one_of_finance(), now=now)
        paying_back.work(limit=10, now=now)
        made.refresh_from_db()
        assert made.status == becomes
    at_counter.control(top_up, "refund-ends", status="RR")
    paying_back.work(limit=10, now=now + timedelta(days=1))
    made.refresh_from_db()
    assert (made.status, wallet.balance(account=top_up.account).free_coins) == ("failed", 1000)
    assert book("withdrawals_payable", "THB") == 0
    for secret in ("Somchai", "1234567890"):
        assert secret not in caplog.text + made.legs.get().failure
    audited()
