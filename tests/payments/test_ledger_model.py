"""Any interleaving of grants, purchases, orders, charges, gifts, refunds, clawbacks and expiry, each perhaps sent
twice, does what a few lines of plain Python say it should.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from payments import checkpoints, clawbacks, escrow, expiry, gifts, ledger, lots, wallet
from payments.ledger import AccountClosed, Movement, Overdrawn
from payments.lots import InsufficientCoins
from payments.models import AccountKind, Guard, LedgerAccount
from promote.accounts.models import Account
from promote.money import MICROS
from tests.builders import NOON, a_number, an_account
from tests.payments.ledgers import audited

HOUR = timedelta(hours=1)
some_coins = st.integers(1, 400)


@dataclass
class ModelLot:
    owner: int
    group: int
    """0 granted, 1 bought in a store, 2 bought elsewhere."""
    expires_at: datetime
    number: int
    coins: int
    real: Any = None


@dataclass
class ModelOrder:
    owner: int
    taken: list[tuple[ModelLot, int]]
    coupon: int
    micros: int
    asked: Any = None
    settled: bool = False


@dataclass
class Model:
    """The wallet as one would explain it: piles of coins, orders that hold some, and what is owed."""

    now: datetime = NOON
    lots: list[ModelLot] = field(default_factory=list)
    orders: list[ModelOrder] = field(default_factory=list)
    owed: dict[int, int] = field(default_factory=lambda: {0: 0, 1: 0})
    campaign_micros: int = 0
    repaid: dict[int, tuple[ModelLot, int]] = field(default_factory=dict)
    """What each lot repaid, the last to repay last."""

    def free(self, owner: int) -> list[ModelLot]:
        usable = [lot for lot in self.lots if lot.owner == owner and lot.coins and lot.expires_at > self.now]
        return sorted(usable, key=lambda lot: (lot.group, lot.expires_at, lot.number))

    def free_coins(self, owner: int) -> int:
        return sum(lot.coins for lot in self.free(owner))

    def take(self, piles: list[ModelLot], coins: int) -> list[tuple[ModelLot, int]]:
        taken = []
        for lot in piles:
            part = min(lot.coins, coins)
            if part:
                lot.coins -= part
                coins -= part
                taken.append((lot, part))
        return taken

    def credit(self, lot: ModelLot, coins: int) -> None:
        repaid = min(coins, self.owed[lot.owner])
        self.owed[lot.owner] -= repaid
        self.note_repaid(lot, repaid)
        lot.coins += coins - repaid

    def note_repaid(self, lot: ModelLot, coins: int) -> None:
        if coins:
            _lot, before = self.repaid.pop(id(lot), (lot, 0))
            self.repaid[id(lot)] = lot, before + coins

    def settle(self, order: ModelOrder) -> int:
        paid = sum(coins for _lot, coins in order.taken)
        charged = paid * MICROS + order.coupon * MICROS - order.micros
        of_coupon = min(charged, order.coupon * MICROS)
        self.campaign_micros += order.coupon * MICROS - of_coupon
        back = paid - (charged - of_coupon) // MICROS
        refund = back
        for lot, coins in reversed(order.taken):
            self.credit(lot, min(coins, back))
            back -= min(coins, back)
        order.settled, order.micros = True, 0
        return refund


class Wallets(RuleBasedStateMachine):
    """Runs each step in the ledger and in the model; the invariants compare them."""

    def __init__(self) -> None:
        super().__init__()
        self.atomic = transaction.atomic()
        self.atomic.__enter__()
        self.model = Model()
        self.last: tuple[Callable[[], Any], Any] | None = None

    def teardown(self) -> None:
        try:
            audited()
        finally:
            transaction.set_rollback(True)
            self.atomic.__exit__(None, None, None)

    @initialize(budget=st.integers(0, 300))
    def open_accounts(self, budget: int) -> None:
        self.accounts: list[Account] = [an_account(), an_account()]
        self.campaign = ledger.open_account(
            kind=AccountKind.CAMPAIGN, guard=Guard.CREDIT, code=f"campaign:{a_number()}"
        )
        if budget:
            funding = Movement(ledger.platform("coupon_expense"), self.campaign, budget * MICROS)
            ledger.post(kind="test", key=f"campaign:{a_number()}", movements=[funding], now=NOON)
        self.model.campaign_micros = budget * MICROS

    def does(self, work: Callable[[], Any]) -> Any:
        """Runs a use case, and keeps it to be sent again."""
        with transaction.atomic():
            answer = work()
        self.last = work, answer
        return answer

    def refuses(self, work: Callable[[], Any], refusal: type[Exception]) -> Any:
        with pytest.raises(refusal) as raised, transaction.atomic():
            work()
        return raised.value

    @rule(owner=st.integers(0, 1), coins=some_coins, hours=st.none() | st.integers(1, 5))
    def grant(self, owner: int, coins: int, hours: int | None) -> None:
        now, key = self.model.now, f"grant:{a_number()}"
        expires_at = now + hours * HOUR if hours else None
        account = self.accounts[owner]
        real = self.does(
            lambda: wallet.grant(account=account, coins=coins, key=key, now=now, expires_at=expires_at, reason="")
        )
        self.add(ModelLot(owner, 0, expires_at or lots.NEVER, real.ledger_account_id, 0, real), coins)

    @rule(owner=st.integers(0, 1), coins=some_coins, origin=st.sampled_from(["apple", "card"]))
    def buy(self, owner: int, coins: int, origin: str) -> None:
        now, key, account = self.model.now, f"buy:{a_number()}", self.accounts[owner]
        paid = {"origin": origin, "coins": coins, "key": key, "paid_minor": coins, "currency": "USD"}
        real = self.does(lambda: lots.open_lot(account=account, now=now, **paid))
        self.add(ModelLot(owner, 2 if origin == "card" else 1, lots.NEVER, real.ledger_account_id, 0, real), coins)

    def add(self, lot: ModelLot, coins: int) -> None:
        self.model.lots.append(lot)
        self.model.credit(lot, coins)

    @rule(owner=st.integers(0, 1), coins=some_coins, coupon=st.just(0) | st.integers(1, 120))
    def place(self, owner: int, coins: int, coupon: int) -> None:
        now, ref, account = self.model.now, f"order-{a_number()}", self.accounts[owner]
        share = escrow.CouponShare(self.campaign, coupon * MICROS) if coupon else None

        def fund() -> int:
            return escrow.fund(account=account, pay_micros=coins * MICROS, coupon=share, ref=ref, now=now)

        missing = coins - self.model.free_coins(owner)
        if missing > 0:
            assert self.refuses(fund, InsufficientCoins).missing_coins == missing + self.model.owed[owner]
        elif coupon * MICROS > self.model.campaign_micros:
            self.refuses(fund, escrow.CampaignExhausted)
        else:
            asked = escrow.EscrowToSettle(self.does(fund), share, ref)
            self.model.campaign_micros -= coupon * MICROS
            taken = self.model.take(self.model.free(owner), coins)
            self.model.orders.append(ModelOrder(owner, taken, coupon, (coins + coupon) * MICROS, asked))

    @precondition(lambda self: self.model.orders)
    @rule(data=st.data())
    def charge(self, data: st.DataObject) -> None:
        order = data.draw(st.sampled_from(self.model.orders), label="order")
        micros = data.draw(st.integers(1, 2 * MICROS) | st.just(order.micros + 1) | st.just(max(order.micros, 1)))
        key, now = f"charge:{a_number()}", self.model.now

        def charge() -> Any:
            return escrow.charge(key=key, charges=[(order.asked.escrow_id, micros)], now=now).journal_id

        if order.settled:
            self.refuses(charge, AccountClosed)
        elif micros > order.micros:
            self.refuses(charge, Overdrawn)
        else:
            self.does(charge)
            order.micros -= micros

    @precondition(lambda self: self.model.orders)
    @rule(data=st.data())
    def settle(self, data: st.DataObject) -> None:
        """A batch, some of it settled before."""
        batch = data.draw(st.lists(st.sampled_from(self.model.orders), min_size=1, unique_by=id), label="batch")
        now = self.model.now
        answers = self.does(lambda: escrow.settle(settlements=[order.asked for order in batch], now=now))
        for order in batch:
            if not order.settled:
                assert answers[order.asked.escrow_id].refunded_coins == self.model.settle(order)

    @rule(owner=st.integers(0, 1), coins=some_coins)
    def give(self, owner: int, coins: int) -> None:
        reference, now, account = f"gift-{a_number()}", self.model.now, self.accounts[owner]

        def give() -> Any:
            return gifts.give(account=account, coins=coins, reference=reference, now=now)

        if coins > self.model.free_coins(owner):
            self.refuses(give, InsufficientCoins)
        else:
            self.does(give)
            self.model.take(self.model.free(owner), coins)

    @precondition(lambda self: self.model.lots)
    @rule(data=st.data())
    def claw_back(self, data: st.DataObject) -> None:
        lot = data.draw(st.sampled_from(self.model.lots), label="lot")
        key, now, coins = f"clawback:{a_number()}", self.model.now, lot.real.coins
        answer = self.does(lambda: clawbacks.claw_back(lot=lot.real, coins=coins, key=key, now=now))
        piles = sorted(self.model.free(lot.owner), key=lambda one: one is not lot)
        taken = sum(part for _lot, part in self.model.take(piles, coins))
        self.model.owed[lot.owner] += coins - taken
        assert (answer.taken_coins, answer.owed_coins) == (taken, coins - taken)

    @rule(hours=st.integers(1, 3))
    def let_time_pass(self, hours: int) -> None:
        self.model.now += hours * HOUR
        expiry.expire_due(now=self.model.now)
        self.last = None
        for lot in self.model.lots:
            if lot.expires_at <= self.model.now:
                lot.coins = 0

    @precondition(lambda self: self.last is not None)
    @rule()
    def send_again(self) -> None:
        """A caller that never heard the answer asks again: the answer is the same, and nothing moves."""
        assert self.last is not None
        work, answer = self.last
        assert work() == answer

    @invariant()
    def everything_is_where_the_model_says(self) -> None:
        model = self.model
        expected = {lot.real.ledger_account_id: lot.coins * MICROS for lot in model.lots}
        expected |= {order.asked.escrow_id: order.micros for order in model.orders}
        expected[self.campaign] = model.campaign_micros
        assert ledger.balances(expected) == expected
        for owner, account in enumerate(self.accounts):
            balance = wallet.balance(account=account)
            assert balance.debt_coins == model.owed[owner]
            assert balance.free_coins == sum(lot.coins for lot in model.lots if lot.owner == owner)
            entries = wallet.statement(account=account, limit=1000).entries
            assert sum(one.coins for one in entries) == balance.free_coins
            assert sum(one.debt_coins for one in entries) == balance.debt_coins

    @invariant()
    def nothing_is_lost(self) -> None:
        accounts = LedgerAccount.objects.filter(ledger=ledger.COINS)
        hot = sum(checkpoints.balance(account.id) for account in accounts if account.hot)
        assert hot + sum(account.credits - account.debits for account in accounts if not account.hot) == 0


@pytest.mark.django_db
def test_any_interleaving_ends_as_plain_python_says():
    quick = settings(max_examples=40, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(Wallets, settings=quick)
