"""Payments that come and go, withdrawals, disputes and adjustments, woven into all that test_ledger_model.py does, with
workers that die and come again: the ledger and the books are where plain Python says.
"""

import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

import pytest
from django.db import connections, transaction
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule, run_state_machine_as_test

from payments import adjustments, checkpoints, currencies, ledger, lots, returns, wallet, withdrawals
from payments.adjustments import MoreThanOwed
from payments.audit.running import run
from payments.bank import payouts
from payments.gateways.base import NamedAccount
from payments.lots import InsufficientCoins
from payments.models import AdjustmentKind, LedgerAccount, LegState, PaymentReturn, ReturnKind, TopUp, Withdrawal
from payments.withdrawing import WithdrawalNotAvailable
from promote.markets.models import MoneyLimit, PaymentMethod, PayoutBank
from promote.money import MICROS
from promote.refusals import Invalid
from tests.builders import a_number, a_user
from tests.payments.books import a_paid_top_up, book, lot_of
from tests.payments.test_ledger_model import ModelLot, Wallets, some_coins

CHECKS = ["returns", "withdrawals", "books", "lot_uses", "top_ups"]
CARRIED_BY = {"card": "stripe", "doku_bank_transfer": "bank_transfer", "2c2p_bank_transfer": "2c2p"}
TAKEN_BY = {**CARRIED_BY, "doku_bank_transfer": "doku"}
"""Who took a payment, and who pays it back: a card's as it came, a transfer's to an account that its payer names."""
ACCOUNT = NamedAccount("014", "Ayu", "1234567890")
EXAMPLES = int(os.environ.get("MODEL_EXAMPLES", "14"))


@dataclass
class ModelPayment:
    lot: ModelLot
    coins: int
    paid: int
    method: str = "card"
    gone: int = 0
    gone_coins: int = 0
    real: Any = None

    @property
    def left(self) -> int:
        return self.paid - self.gone


@dataclass
class ModelReturn:
    payment: ModelPayment
    amount: int
    coins: int
    taken: list[tuple[ModelLot, int]]
    owed: int
    under_way: bool
    real: Any = None
    undone: bool = False


@dataclass
class ModelLeg:
    payment: ModelPayment
    coins: int
    amount: int
    real: Any = None
    state: str = "waiting"

    @property
    def is_open(self) -> bool:
        return self.state not in ("succeeded", "failed")


class Crash(Exception):
    """A worker dies before it commits."""


@dataclass
class Desk:
    """Two of finance."""

    maker: Any = field(default_factory=lambda: a_user(is_staff=True))
    checker: Any = field(default_factory=lambda: a_user(is_staff=True))


class Money(Wallets):
    def __init__(self) -> None:
        super().__init__()
        MoneyLimit.objects.all().delete()  # how often and how much a day has tests of its own
        for method, gateway in TAKEN_BY.items():
            facts = {"gateway": gateway, "refund_from_days": 1, "refund_to_days": 5}
            more = {"in_app": False, "surfaces": ["web"], "position": 9}
            PaymentMethod.objects.update_or_create(
                market_id="US", code=method, defaults=facts, create_defaults=facts | more
            )
        PayoutBank.objects.create(market_id="US", code="014", name="A bank")
        self.crashes = False
        self.payments: list[ModelPayment] = []
        self.in_review: list[tuple[Withdrawal, list[ModelLeg]]] = []
        self.gone: list[ModelReturn] = []
        self.legs: list[ModelLeg] = []
        self.desk = Desk()

    def does(self, work: Callable[[], Any]) -> Any:
        if self.crashes:
            self.crashes = False
            with pytest.raises(Crash), transaction.atomic():
                work()
                raise Crash
        return super().does(work)

    @rule()
    def the_next_worker_dies(self) -> None:
        """What it did is rolled back, and whoever comes after it does the same again."""
        self.crashes = True

    @rule(owner=st.integers(0, 1), coins=some_coins, price=st.integers(1, 3), method=st.sampled_from(list(TAKEN_BY)))
    def top_up(self, owner: int, coins: int, price: int, method: str) -> None:
        account, now = self.accounts[owner], self.model.now
        facts = {"payment_ref": f"pi_{a_number()}", "paid_at": now, "amount_minor": coins * price, "method": method}
        facts["gateway"] = TAKEN_BY[method]
        real = self.does(lambda: a_paid_top_up(account, coins, **facts))
        self.last = None  # a new row each time it is called
        lot = ModelLot(owner, 2, lots.NEVER, lot_of(real).ledger_account_id, 0, lot_of(real))
        self.payments.append(ModelPayment(lot, coins, coins * price, method, real=real))
        self.add(lot, coins)

    @precondition(lambda self: self.payments)
    @rule(data=st.data(), disputed=st.booleans())
    def money_goes_back(self, data: st.DataObject, disputed: bool) -> None:
        payment = data.draw(st.sampled_from(self.payments), label="payment")
        amount = data.draw(st.integers(1, payment.left + 1) | st.just(max(payment.left, 1)), label="amount")
        kind = ReturnKind.DISPUTE if disputed else ReturnKind.REFUND
        asked = {"kind": kind, "provider_ref": f"re_{a_number()}", "amount_minor": amount, "under_way": disputed}

        def take() -> PaymentReturn:
            return returns.take(top_up_id=payment.real.id, now=self.model.now, **asked)

        if amount > payment.left:
            self.refuses(take, returns.ReturnDiffers)
            return
        real = self.does(take)
        coins = max(0, payment.coins * (payment.gone + amount) // payment.paid - payment.gone_coins)
        payment.gone, payment.gone_coins = payment.gone + amount, payment.gone_coins + coins
        piles = sorted(self.model.free(payment.lot.owner), key=lambda one: one is not payment.lot)
        taken = self.model.take(piles, coins)
        owed = coins - sum(part for _lot, part in taken)
        self.model.owed[payment.lot.owner] += owed
        assert real.coins == coins
        self.gone.append(ModelReturn(payment, amount, coins, taken, owed, disputed, real))

    @precondition(lambda self: any(one.under_way for one in self.gone))
    @rule(data=st.data())
    def a_dispute_is_lost(self, data: st.DataObject) -> None:
        one = data.draw(st.sampled_from([one for one in self.gone if one.under_way]), label="dispute")
        self.does(lambda: returns.conclude(returned_id=one.real.id, now=self.model.now))
        one.under_way = False

    @precondition(lambda self: any(not one.undone for one in self.gone))
    @rule(data=st.data())
    def what_went_back_comes_again(self, data: st.DataObject) -> None:
        """A dispute is won, a refund failed."""
        one = data.draw(st.sampled_from([one for one in self.gone if not one.undone]), label="return")
        self.does(lambda: returns.undo(returned_id=one.real.id, now=self.model.now))
        one.undone, one.under_way = True, False
        one.payment.gone -= one.amount
        one.payment.gone_coins -= one.coins
        owner, model = one.payment.lot.owner, self.model
        for lot, part in one.taken:
            lot.coins += part
        too_much = max(0, one.owed - model.owed[owner])
        model.owed[owner] -= one.owed - too_much
        for lot, repaid in list(reversed(model.repaid.values())):
            part = min(repaid, too_much) if lot.owner == owner else 0
            if part:
                lot.coins += part
                model.note_repaid(lot, -part)
                too_much -= part
        for lot, part in reversed(one.taken):
            repaid = min(part, model.owed[owner])
            lot.coins -= repaid
            model.owed[owner] -= repaid
            model.note_repaid(lot, repaid)

    def withdrawable(self, owner: int) -> list[tuple[ModelPayment, int]]:
        own = [one for one in self.payments if one.lot.owner == owner and one.lot.coins and one.left]
        own.sort(key=lambda one: (one.lot.real.opened_at, one.lot.number))
        return [
            (one, min(one.lot.coins, -(-one.coins * one.left // one.paid), one.coins - one.gone_coins)) for one in own
        ]

    @rule(owner=st.integers(0, 1), coins=some_coins)
    def withdraw(self, owner: int, coins: int) -> None:
        asked = {"account": self.accounts[owner], "surface": "web", "coins": coins, "key": f"wd-{a_number()}"}
        there = self.withdrawable(owner)
        total = sum(part for _payment, part in there)
        before = accumulate((part for _payment, part in there), initial=0)
        is_named = any(
            payment.method != "card" for (payment, _part), passed in zip(there, before, strict=False) if passed < coins
        )
        asked["payout_account"] = ACCOUNT if is_named else None

        def request() -> Withdrawal:
            return withdrawals.request(now=self.model.now, **asked)

        if self.model.owed[owner] or not total:
            self.refuses(request, WithdrawalNotAvailable)
        elif coins > total:
            self.refuses(request, Invalid)
        else:
            made = self.does(request)
            assert (made.status == "in_review") == is_named
            legs = []
            for leg, (payment, part) in zip(made.legs.select_related("returned"), there, strict=False):
                taken = min(part, coins)
                assert (leg.lot_id, leg.coins) == (payment.lot.real.id, taken)
                assert 0 < leg.returned.amount_minor <= payment.left
                payment.lot.coins -= taken
                payment.gone += leg.returned.amount_minor
                payment.gone_coins += taken
                coins -= taken
                legs.append(ModelLeg(payment, taken, leg.returned.amount_minor, leg))
                assert leg.returned.gateway == CARRIED_BY[payment.method]
            assert not coins
            self.legs += legs
            if is_named:
                self.in_review.append((made, legs))

    @precondition(lambda self: self.in_review)
    @rule(data=st.data(), lets_go=st.booleans())
    def our_staff_decides(self, data: st.DataObject, lets_go: bool) -> None:
        made, legs = one = data.draw(st.sampled_from(self.in_review), label="withdrawal")
        facts = {"withdrawal_id": made.id, "by": self.desk.maker, "now": self.model.now}
        if lets_go and self.model.owed[legs[0].payment.lot.owner]:
            self.refuses(lambda: withdrawals.approve(**facts), withdrawals.OwesMeanwhile)
            return
        self.does(lambda: withdrawals.approve(**facts) if lets_go else withdrawals.refuse(reason="no", **facts))
        self.last = None  # decided once
        self.in_review.remove(one)
        if not lets_go:
            for leg in legs:
                self.comes_back(leg)

    def comes_back(self, leg: ModelLeg) -> None:
        leg.payment.gone -= leg.amount
        leg.payment.gone_coins -= leg.coins
        self.model.credit(leg.payment.lot, leg.coins)
        leg.state = "failed"

    @property
    def sent(self) -> list[ModelLeg]:
        """Those that nobody looks at any more, and that have not come back."""
        waits = {id(leg) for _made, legs in self.in_review for leg in legs}
        return [leg for leg in self.legs if leg.state != "failed" and id(leg) not in waits]

    @precondition(lambda self: self.sent)
    @rule(data=st.data(), state=st.sampled_from(["submitted", "succeeded", "failed"]))
    def the_provider_says(self, data: st.DataObject, state: str) -> None:
        """Also that what it had paid came back."""
        leg = data.draw(st.sampled_from(self.sent), label="leg")
        now = self.model.now
        if leg.payment.method == "doku_bank_transfer" and leg.is_open:
            asked = {"top_up_id": leg.payment.real.id, "amount_minor": leg.amount, "currency": "USD", "now": now}
            self.does(lambda: payouts.ask_named(reference=leg.real.public_id, **asked))
        self.does(
            lambda: withdrawals.conclude(
                leg_id=leg.real.id, state=LegState(state), provider_ref=f"r{leg.real.id.hex}", now=now
            )
        )
        if state == "failed":
            self.comes_back(leg)
        elif state == "succeeded":
            leg.state = state

    @rule(owner=st.integers(0, 1), coins=st.integers(-200, 200).filter(bool), writes_off=st.booleans())
    def finance_adjusts(self, owner: int, coins: int, writes_off: bool) -> None:
        kind = AdjustmentKind.WRITE_OFF if writes_off else AdjustmentKind.CORRECTION
        facts = {"account": self.accounts[owner], "reason": "a test", "by": self.desk.maker, "now": self.model.now}
        proposed = adjustments.propose_coins(kind=kind, coins=abs(coins) if writes_off else coins, **facts)

        def approve() -> Any:
            return adjustments.approve(adjustment_id=proposed.id, by=self.desk.checker, now=self.model.now)

        model = self.model
        if writes_off and abs(coins) > model.owed[owner]:
            self.refuses(approve, MoreThanOwed)
        elif writes_off:
            self.does(approve)
            model.owed[owner] -= abs(coins)
            self.written_off[owner] = self.written_off.get(owner, 0) + abs(coins)
        elif coins < 0 and -coins > model.free_coins(owner):
            self.refuses(approve, InsufficientCoins)
        elif coins < 0:
            self.does(approve)
            model.take(model.free(owner), -coins)
        else:
            made = self.does(approve)
            real = made.journal.lot
            self.add(ModelLot(owner, 0, lots.NEVER, real.ledger_account_id, 0, real), coins)
        self.last = None  # decided once: a second time it is refused

    @property
    def written_off(self) -> dict[int, int]:
        return self.__dict__.setdefault("_written_off", {})

    @property
    def cleared(self) -> Counter[str]:
        """What each gateway's clearing account stands at, in minor units."""
        cleared = Counter[str]()
        for one in self.payments:
            cleared[TAKEN_BY[one.method]] -= one.paid
        for back in self.gone:
            cleared[TAKEN_BY[back.payment.method]] += 0 if back.undone else back.amount
        for leg in self.legs:
            cleared[CARRIED_BY[leg.payment.method]] += leg.amount if leg.state == "succeeded" else 0
        return cleared

    @invariant()
    def money_is_where_the_model_says(self) -> None:
        for payment in self.payments:
            top_up = TopUp.objects.get(id=payment.real.id)
            assert top_up.returnable_minor == payment.left >= 0
        for gateway, stands in self.cleared.items():
            assert book(f"clearing:{gateway}") == stands
        if self.payments:
            assert book("withdrawals_payable") == sum(leg.amount for leg in self.legs if leg.is_open)
        for owner, account in enumerate(self.accounts):
            waiting = sum(leg.coins for leg in self.legs if leg.payment.lot.owner == owner and leg.is_open)
            assert wallet.balance(account=account).withdrawing_coins == waiting

    def teardown(self) -> None:
        try:
            assert run(names=CHECKS).ok, run(names=CHECKS).as_dict()
        finally:
            super().teardown()

    @invariant()
    def every_currency_adds_up(self) -> None:
        usd = currencies.ledger_of("USD")
        accounts = LedgerAccount.objects.filter(ledger=usd)
        assert sum(checkpoints.balance(account.id) for account in accounts) == 0
        disputes = LedgerAccount.objects.filter(kind="dispute", closed=False)
        held = sum(ledger.balances([account.id for account in disputes]).values())
        assert held == sum(one.coins for one in self.gone if one.under_way) * MICROS


@pytest.mark.django_db
def test_any_interleaving_with_payments_that_go_back_ends_as_plain_python_says():
    quick = settings(
        max_examples=EXAMPLES, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
    )
    run_state_machine_as_test(Money, settings=quick)


class Unaudited(Wallets):
    """Without the audit at its end, which would see at once that the guard is gone."""

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.atomic.__exit__(None, None, None)


@pytest.mark.django_db(transaction=True)
def test_without_the_guard_against_overdrafts_the_model_finds_one():
    """So that a green run means something."""
    table, guard = "ALTER TABLE payments_ledgeraccount", "ledgeraccount_no_overdraft"
    rough = settings(
        max_examples=300,
        stateful_step_count=15,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    with connections["owner"].cursor() as owner:
        owner.execute(f"{table} DROP CONSTRAINT {guard}")
        try:
            with pytest.raises(BaseException, match="DID NOT RAISE"):
                run_state_machine_as_test(Unaudited, settings=rough)
        finally:
            owner.execute(f"{table} ADD CONSTRAINT {guard} CHECK (guard <> 'C' OR debits <= credits)")
