"""Many at once on one wallet, one key, one escrow: each outcome is that of some order one after the other."""

import contextlib
import random
import threading
import time
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from payments import (
    adjustments,
    charge_returns,
    checkpoints,
    clawbacks,
    escrow,
    expiry,
    gifts,
    inbox,
    invoices,
    ledger,
    repayments,
    returns,
    wallet,
    withdrawals,
)
from payments.charge_returns import GivenBack
from payments.ledger import AccountClosed, Movement, Overdrawn
from payments.lots import InsufficientCoins
from payments.models import (
    AdjustmentKind,
    Gift,
    Journal,
    LedgerAccount,
    LegState,
    Lot,
    ReturnKind,
    TopUp,
    WithdrawalStatus,
)
from promote import ids
from promote.markets.models import Market
from promote.money import MICROS
from promote.refusals import Refusal
from tests.builders import NOON, a_user, an_account
from tests.payments.books import a_paid_top_up, lot_of
from tests.payments.ledgers import (
    ISSUANCE,
    SPEND,
    a_coupon,
    a_purse,
    an_escrow,
    audited,
    bought,
    charged,
    checkpointed,
    granted,
    left_of,
    moved,
    settled,
    together,
)

pytestmark = pytest.mark.django_db(transaction=True)
CLIENTS = 32


def kinds(answers):
    return sorted(type(answer).__name__ for answer in answers)


def test_of_many_who_spend_one_wallet_as_many_succeed_as_it_can_pay():
    account = an_account()
    granted(account, 30)
    bought(account, 70)
    works = [lambda n=n: gifts.give(account=account, coins=7, reference=f"g{n}", now=NOON) for n in range(CLIENTS)]
    answers = together(works)
    assert kinds(answers) == ["Gift"] * 14 + ["InsufficientCoins"] * 18
    assert {answer.missing_coins for answer in answers if isinstance(answer, InsufficientCoins)} <= set(range(1, 8))
    assert wallet.balance(account=account).free_coins == 100 - 14 * 7
    audited()


def test_one_key_sent_many_times_at_once_is_one_journal():
    account = an_account()
    granted(account, 100)
    works = [
        *(lambda: granted(account, 50, key="one") for _ in range(10)),
        *(lambda: gifts.give(account=account, coins=5, reference="one", now=NOON) for _ in range(10)),
        *(lambda: an_escrow(account, 20, ref="one").escrow_id for _ in range(10)),
    ]
    answers = together(works)
    assert [len(set(answers[start : start + 10])) for start in (0, 10, 20)] == [1, 1, 1], answers
    assert (Journal.objects.count(), Gift.objects.count(), Lot.objects.count()) == (4, 1, 2)
    assert wallet.balance(account=account).free_coins == 100 + 50 - 5 - 20
    audited()


def test_the_first_coins_of_an_account_may_come_many_at_once():
    account = an_account()
    together([lambda: granted(account, 1) for _ in range(16)])
    assert wallet.balance(account=account).free_coins == 16
    assert LedgerAccount.objects.filter(owner=account.id, kind="debt").count() == 1


def test_coins_that_come_while_others_are_taken_back_repay_the_debt():
    """Whoever owes has no free coins, also where a purchase or a refund and a clawback cross: the audit looks."""
    for _ in range(8):
        account = an_account()
        spent = [bought(account, 50) for _ in range(2)]
        order = an_escrow(account, 100)
        together(
            [
                lambda a=account: bought(a, 70),
                lambda lot=spent[0]: clawbacks.claw_back(lot=lot, coins=50, key=f"back:{lot.id}", now=NOON),
                lambda o=order: settled(o),
                lambda lot=spent[1]: clawbacks.claw_back(lot=lot, coins=50, key=f"back:{lot.id}", now=NOON),
            ]
        )
        balance = wallet.balance(account=account)
        assert (balance.free_coins, balance.debt_coins) == (70, 0)
    audited()


def test_an_escrow_is_never_overspent_by_many_who_charge_it():
    account = an_account()
    granted(account, 10)
    funded = an_escrow(account, 10)

    def charge(number):
        return escrow.charge(key=f"c{number}", charges=[(funded.escrow_id, 900_000)], now=NOON)

    answers = together([lambda n=n: charge(n) for n in range(CLIENTS)])
    assert kinds(answers) == ["Overdrawn"] * 21 + ["Posted"] * 11
    assert checkpoints.balance(SPEND) == 11 * 900_000
    audited()


def test_a_charge_beside_the_settlement_counts_before_it_or_not_at_all():
    account = an_account()
    granted(account, 160)
    orders = [an_escrow(account, 10) for _ in range(16)]

    def charge(order):
        escrow.charge(key=f"charge:{order.ref}", charges=[(order.escrow_id, 3 * MICROS)], now=NOON)
        return "charged"

    works = [work for order in orders for work in (lambda o=order: charge(o), lambda o=order: settled(o))]
    answers = together(works)
    for charge_answer, settle_answer in zip(answers[::2], answers[1::2], strict=True):
        (outcome,) = settle_answer.values()
        assert outcome.user_spent_coins == (3 if charge_answer == "charged" else 0)
        assert charge_answer == "charged" or isinstance(charge_answer, AccountClosed)
    assert wallet.balance(account=account).free_coins == 160 - 3 * answers.count("charged")
    audited()


def test_settling_the_same_orders_from_many_sides_refunds_them_once():
    account = an_account()
    granted(account, 100)
    orders = [an_escrow(account, 10, coupon=a_coupon(2)) for _ in range(10)]
    shuffled = [random.Random(n).sample(orders, 6) for n in range(16)]
    answers = together([lambda some=some: settled(*some) for some in shuffled])
    assert all(isinstance(answer, dict) and len(answer) == 6 for answer in answers), answers
    assert wallet.balance(account=account).free_coins == 100
    audited()


def test_journals_over_the_same_accounts_in_any_order_never_deadlock():
    purses = [a_purse(1000) for _ in range(10)]

    def post(seed):
        chance = random.Random(seed)
        for number in range(12):
            pairs = [chance.sample(purses, 2) for _ in range(3)]
            movements = [Movement(one, other, chance.randint(1, 900) * MICROS) for one, other in pairs]
            with contextlib.suppress(Overdrawn):
                ledger.post(kind="test", key=f"{seed}:{number}", movements=movements, now=NOON)

    assert together([lambda n=n: post(n) for n in range(16)]) == [None] * 16, "a deadlock would have been raised"
    assert sum(ledger.balances(purses).values()) == 10_000 * MICROS
    assert min(ledger.balances(purses).values()) >= 0
    audited()


def test_transfers_written_past_the_posting_functions_never_deadlock():
    purses = [a_purse(1000) for _ in range(10)]
    journals = [moved(ISSUANCE, a_purse(), MICROS).journal_id for _ in range(16)]

    def write(number):
        chance = random.Random(number)
        for turn in range(12):
            giver, taker = chance.sample(purses, 5), [ISSUANCE] * 5
            with connection.cursor() as cursor:
                cursor.execute(
                    """INSERT INTO payments_transfer (journal_id, seq, ledger, debit_id, credit_id, amount, created_at)
                       SELECT %s, %s + seq, 0, giver, taker, 5, now()
                         FROM unnest(%s::bigint[], %s::bigint[]) WITH ORDINALITY AS t (giver, taker, seq)""",
                    [journals[number], 10 * (turn + 1), giver, taker],
                )

    assert together([lambda n=n: write(n) for n in range(16)]) == [None] * 16, "a deadlock would have been raised"


def test_those_who_look_before_they_charge_and_those_who_just_charge_never_deadlock():
    account = an_account()
    granted(account, 2000)
    orders = [an_escrow(account, 100).escrow_id for _ in range(20)]

    def charge(seed):
        chance = random.Random(seed)
        for number in range(15):
            some = chance.sample(orders, 15)
            with transaction.atomic():
                if seed % 2:
                    escrow.lock(some)
                escrow.charge(key=f"{seed}:{number}", charges=[(one, 1000) for one in some], now=NOON)

    assert together([lambda n=n: charge(n) for n in range(8)]) == [None] * 8
    assert checkpoints.balance(SPEND) == 8 * 15 * 15 * 1000
    audited()


def test_whatever_locks_a_wallet_never_deadlocks_with_anything_else_that_does():
    """Every use case that locks, over the same three accounts, their payments and one campaign."""
    accounts = [an_account() for _ in range(3)]
    coupon = a_coupon(1, funded_coins=10_000)
    payments = {account: [a_paid_top_up(account, 200) for _ in range(2)] for account in accounts}
    for account in accounts:
        granted(account, 300, expires_at=NOON + timedelta(days=1))
    finance = a_user(is_staff=True), a_user(is_staff=True)

    def work(seed):
        everything = Everything(random.Random(seed), seed, coupon, payments, finance)
        for _ in range(5):
            everything.once()

    assert together([lambda n=n: work(n) for n in range(8)]) == [None] * 8
    audited()


class Everything:
    """One of many who do whatever there is to do with a wallet, and take a refusal for an answer."""

    def __init__(self, chance, name, coupon, payments, finance):
        self.chance, self.name, self.coupon, self.payments = chance, name, coupon, payments
        self.maker, self.checker = finance
        self.number = 0

    def once(self):
        account = self.chance.choice(list(self.payments))
        for work in (
            self.order,
            *self.chance.sample([self.refund, self.dispute, self.withdraw, self.adjust, self.give], 3),
        ):
            self.number += 1
            with contextlib.suppress(Refusal, returns.ReturnDiffers):
                work(account, f"{self.name}-{self.number}")

    def order(self, account, ref):
        order_id = ids.new()
        share = self.chance.choice([None, self.coupon])
        order = an_escrow(account, self.chance.randint(3, 9), coupon=share, ref=ids.public("ord", order_id))
        micros = self.chance.randint(MICROS, 3 * MICROS)
        charged(order, micros)
        spent = settled(order)[order.escrow_id].user_spent_coins
        bill = {"order": str(order_id), "account": str(account.id), "spent_coins": spent, "market": "US"}
        with transaction.atomic():
            inbox.bill_the_orders([bill], NOON)
        asked = {"escrow_id": order.escrow_id, "owner": account.id, "order_ref": order.ref, "ref": ref, "now": NOON}
        charge_returns.after_settlement(was_micros=micros, is_micros=0, **asked)

    def give(self, account, ref):
        a_paid_top_up(account, 10)
        granted(account, 5)
        gifts.give(account=account, coins=self.chance.randint(1, 30), reference=ref, now=NOON)
        expiry.expire_due(now=NOON + timedelta(days=self.chance.randint(0, 2)))

    def refund(self, account, ref):
        self.goes_back(account, ref, kind=ReturnKind.REFUND)

    def dispute(self, account, ref):
        made = self.goes_back(account, ref, kind=ReturnKind.DISPUTE, under_way=True)
        self.chance.choice([returns.conclude, returns.undo])(returned_id=made.id, now=NOON)

    def goes_back(self, account, ref, **facts):
        top_up = self.chance.choice(self.payments[account])
        amount = self.chance.randint(1, 60)
        return returns.take(top_up_id=top_up.id, provider_ref=ref, amount_minor=amount, now=NOON, **facts)

    def withdraw(self, account, ref):
        made = withdrawals.request(account=account, surface="web", coins=2, key=ref, now=timezone.now())
        if made.status == WithdrawalStatus.IN_REVIEW:
            withdrawals.approve(withdrawal_id=made.id, by=self.checker, now=NOON)
        for leg in made.legs.all():
            state = self.chance.choice([LegState.SUCCEEDED, LegState.FAILED])
            withdrawals.conclude(leg_id=leg.id, state=state, provider_ref=f"wd-{leg.id}", now=NOON)

    def adjust(self, account, ref):
        kind, coins = self.chance.choice([("goodwill", 3), ("correction", -3), ("write_off", 2), ("chargeback", 20)])
        lot = lot_of(self.chance.choice(self.payments[account])) if kind == "chargeback" else None
        facts = {"reason": "a test", "by": self.maker, "now": NOON, "lot": lot}
        proposed = adjustments.propose_coins(kind=AdjustmentKind(kind), account=account, coins=coins, **facts)
        adjustments.approve(adjustment_id=proposed.id, by=self.checker, now=NOON)


def test_charges_that_go_back_and_a_refund_of_the_same_owner_and_campaign_never_deadlock():
    """The campaign is older than the owner's debt account, and a settlement locks the debt first."""
    coupon = a_coupon(5, funded_coins=10)
    account = an_account()
    granted(account, 20)
    done = charged(an_escrow(account, 10, coupon=coupon), 3 * MICROS)
    settled(done)
    ending = an_escrow(account, 10, coupon=coupon)
    weighed = threading.Event()

    def settles():
        with transaction.atomic():
            found = escrow.weigh([ending])
            weighed.set()
            time.sleep(0.5)
            escrow.empty(found, now=NOON)

    def gives_back():
        assert weighed.wait(30)
        asked = {"escrow_id": done.escrow_id, "owner": account.id, "order_ref": done.ref, "ref": "ret_1", "now": NOON}
        return charge_returns.after_settlement(was_micros=3 * MICROS, is_micros=0, **asked)

    assert together([settles, gives_back]) == [None, GivenBack(coupon_micros=3 * MICROS)]
    assert ledger.balances([coupon.campaign_account_id]) == {coupon.campaign_account_id: 10 * MICROS}
    audited()


def test_an_invoice_of_who_repaid_and_a_gift_of_theirs_never_deadlock(monkeypatch):
    """What repaid is told first, of the younger lot; the order that is billed spent of the older one."""
    account = an_account()
    older, _younger = bought(account, 50, origin="apple"), bought(account, 100)
    order_id = ids.new()
    order = charged(an_escrow(account, 150, ref=ids.public("ord", order_id)), 30 * MICROS)
    clawbacks.claw_back(lot=older, coins=50, key="refund", now=NOON)
    settled(order)
    told, tell_all = threading.Event(), repayments.tell_all

    def tells_and_waits(**facts):
        tell_all(**facts)
        told.set()
        time.sleep(0.5)

    monkeypatch.setattr(repayments, "tell_all", tells_and_waits)

    def bills():
        with transaction.atomic():
            news = {"order": str(order_id), "account": str(account.id), "spent_coins": 30, "market": "US"}
            inbox.bill_the_orders([news], NOON)

    def gives():
        assert told.wait(30)
        return gifts.give(account=account, coins=70, reference="g", now=NOON).coins

    assert together([bills, gives]) == [None, 70]


def pausing(monkeypatch, module, name):
    """An event that is set where the function is called, which then waits for half a second."""
    reached, real = threading.Event(), getattr(module, name)

    def waits(*asked, **facts):
        reached.set()
        time.sleep(0.5)
        return real(*asked, **facts)

    monkeypatch.setattr(module, name, waits)
    return reached


def test_an_invoice_of_who_repaid_and_coins_that_expire_never_deadlock(monkeypatch):
    """The lots of who repaid are told first; another's, which is billed with them, is older, and both have expired."""
    tomorrow = NOON + timedelta(days=1)
    other, debtor = an_account(), an_account()
    granted(other, 20, expires_at=tomorrow)
    news = []
    orders = [(an_escrow(other, 10, ref=ids.public("ord", ids.new())), other)]
    lot = bought(debtor, 50, origin="apple")
    granted(debtor, 10, expires_at=tomorrow)
    orders.append((an_escrow(debtor, 60, ref=ids.public("ord", ids.new())), debtor))
    clawbacks.claw_back(lot=lot, coins=30, key="refund", now=NOON)
    for order, account in orders:
        settled(charged(order, 5 * MICROS))
        order_id = ids.parse("ord", order.ref)
        news.append({"order": str(order_id), "account": str(account.id), "spent_coins": 5, "market": "US"})
    told = pausing(monkeypatch, invoices, "issue_for_orders")

    def bills():
        with transaction.atomic():
            inbox.bill_the_orders(news, NOON)

    def expires():
        assert told.wait(30)
        return expiry.expire_due(now=tomorrow)

    assert together([bills, expires]) == [None, 2]


def test_charges_that_go_back_to_who_repaid_and_a_gift_of_theirs_never_deadlock(monkeypatch):
    """The charges go back to the younger lot; what the older one repaid is told behind that."""
    account = an_account()
    older = bought(account, 50, origin="apple")
    repays = an_escrow(account, 30)
    younger = bought(account, 80)
    both = an_escrow(account, 40)  # 20 of each
    billed = charged(an_escrow(account, 60, ref=ids.public("ord", ids.new())), 30 * MICROS)
    settled(billed)
    market = Market.objects.get(code="US")
    invoices.issue_for_order(order_ref=billed.ref, account=account, market=market, about={}, now=NOON)
    clawbacks.claw_back(lot=older, coins=50, key="refund", now=NOON)
    settled(repays)
    settled(both)
    assert (left_of(older), left_of(younger)) == (30, 20)
    gone = pausing(monkeypatch, repayments, "tell")

    def gives_back():
        asked = {
            "escrow_id": billed.escrow_id,
            "owner": account.id,
            "order_ref": billed.ref,
            "ref": "ret_1",
            "now": NOON,
        }
        return charge_returns.after_settlement(was_micros=30 * MICROS, is_micros=0, **asked).coins

    def gives():
        assert gone.wait(30)
        return gifts.give(account=account, coins=45, reference="g", now=NOON).coins

    assert together([gives_back, gives]) == [30, 45]
    audited()


def test_a_refund_and_a_withdrawal_of_the_same_account_never_deadlock():
    """A refund locks its payment and then the account's debt; so does a withdrawal."""
    account = an_account()
    refunded, kept = a_paid_top_up(account, 100), a_paid_top_up(account, 100)
    locked = threading.Event()

    def refunds():
        with transaction.atomic():
            TopUp.objects.select_for_update(of=("self",)).get(id=refunded.id)
            locked.set()
            time.sleep(0.5)
            asked = {"kind": ReturnKind.REFUND, "provider_ref": "re_1", "amount_minor": 100, "now": NOON}
            return returns.take(top_up_id=refunded.id, **asked).coins

    def withdraws():
        assert locked.wait(30)
        made = withdrawals.request(account=account, surface="web", coins=60, key="k", now=timezone.now())
        return [leg.lot.top_up for leg in made.legs.all()]

    assert together([refunds, withdraws]) == [100, [kept.id]]
    audited()


def test_a_late_commit_is_never_missed_by_a_checkpoint():
    """A transfer with a low id that commits after the checkpoint was taken is counted all the same."""
    purse = a_purse(10)

    def slow():
        with transaction.atomic():
            moved(purse, SPEND, 5)
            time.sleep(1)

    def quick():
        time.sleep(0.3)
        moved(a_purse(1), SPEND, 7)
        checkpoints.take(NOON)
        return checkpoints.balance(SPEND)

    assert together([slow, quick]) == [None, 7]
    assert checkpoints.balance(SPEND) == 12
    checkpoints.take(NOON)
    assert checkpoints.balance(SPEND) == 12
    assert checkpoints.balance(ISSUANCE) == -11 * MICROS
    audited()


def test_a_checkpoint_is_written_only_where_something_moved():
    moved(a_purse(1), SPEND, 5)
    assert checkpointed() == 2
    assert checkpointed() == 0
    moved(a_purse(1), SPEND, 5)
    assert checkpointed() == 2
    assert checkpoints.balance(SPEND) == 10
