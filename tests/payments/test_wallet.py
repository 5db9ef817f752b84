"""A wallet is its lots: what is free, held, owed, and what the statement tells of it."""

from datetime import datetime, timedelta
from types import SimpleNamespace

import pytest
from django.db import IntegrityError, transaction
from hypothesis import given
from hypothesis import strategies as st

from payments import clawbacks, expiry, gifts, lots, wallet
from payments.ledger import JournalKeyReused
from payments.lots import InsufficientCoins
from payments.models import Lot
from promote.money import MICROS
from tests.builders import NOON, an_account
from tests.payments.ledgers import a_coupon, an_escrow, audited, bought, charged, granted, left_of, settled

db = pytest.mark.django_db
DAY = timedelta(days=1)


@db
def test_an_empty_wallet_has_nothing():
    assert wallet.balance(account=an_account()) == wallet.Balance(0, 0, 0, [])


@db
def test_a_lot_is_opened_once_per_key():
    account = an_account()
    first = granted(account, 100, key="welcome")
    assert granted(account, 100, key="welcome") == first
    assert wallet.balance(account=account).free_coins == 100
    with pytest.raises(JournalKeyReused), transaction.atomic():
        granted(account, 101, key="welcome")
    with pytest.raises(JournalKeyReused), transaction.atomic():
        granted(an_account(), 100, key="welcome")


@db
@pytest.mark.parametrize(
    ("origin", "withdrawable"), [("card", True), ("paypal", True), ("apple", False), ("google", False)]
)
def test_coins_of_a_store_are_never_withdrawn_here(origin, withdrawable):
    account = an_account()
    lot = bought(account, 100, origin=origin)
    assert lot.withdrawable is withdrawable
    with pytest.raises(IntegrityError, match="lot_withdrawable_by_origin"), transaction.atomic():
        open_lot_row(granted(account, 1), origin="grant", withdrawable=True)


@db
@pytest.mark.parametrize(
    "wrong",
    [
        {"coins": 0},
        {"origin": "grant", "paid_minor": 1},
        {"origin": "grant", "currency": "USD"},
        {"origin": "card", "currency": ""},
        {"origin": "card", "currency": "USD", "expires_at": NOON},
    ],
)
def test_a_lot_is_a_grant_without_price_or_a_purchase_without_expiry(wrong):
    with pytest.raises(IntegrityError), transaction.atomic():
        open_lot_row(granted(an_account(), 1), **wrong)


def open_lot_row(like: Lot, **facts):
    """A lot's row beside the use case: what only the table's own constraints refuse."""
    values = {"coins": 1, "origin": "grant", "withdrawable": False, "opened_at": NOON, **facts}
    ids = {"account_id": like.account_id, "ledger_account_id": like.ledger_account_id, "opening_id": like.opening_id}
    Lot.objects.create(**ids, **values)


@db
def test_what_is_held_is_what_would_come_back_if_all_settled_now():
    account = an_account()
    granted(account, 300)
    first = charged(an_escrow(account, 100, coupon=a_coupon(20)), 25_300_000)
    an_escrow(account, 50)
    balance = wallet.balance(account=account)
    assert (balance.free_coins, balance.held_coins) == (150, 100 - 5 + 50)
    settled(first)
    balance = wallet.balance(account=account)
    assert (balance.free_coins, balance.held_coins) == (245, 50)


@db
def test_the_lots_are_listed_as_they_will_be_spent():
    account = an_account()
    card = bought(account, 10)
    google = bought(account, 20, origin="google")
    grant = granted(account, 30)
    soon = granted(account, 40, expires_at=NOON + DAY)
    an_escrow(account, 35)
    assert [(one.lot, one.coins) for one in wallet.balance(account=account).lots] == [
        (soon, 5),
        (grant, 30),
        (google, 20),
        (card, 10),
    ]


lots_of_all_kinds = st.lists(
    st.builds(
        lambda origin, opened, expires: SimpleNamespace(
            origin=origin,
            withdrawable=origin in ("card", "paypal"),
            opened_at=NOON + opened * DAY,
            expires_at=NOON + expires * DAY if expires and origin == "grant" else None,
        ),
        st.sampled_from(["grant", "apple", "google", "card", "paypal"]),
        st.integers(-9, 9),
        st.none() | st.integers(1, 9),
    ),
    max_size=12,
)


@given(lots_of_all_kinds, st.randoms(use_true_random=False))
def test_grants_go_first_by_expiry_then_store_coins_then_withdrawable_ones_oldest_first(some, chance):
    for number, lot in enumerate(some):
        lot.ledger_account_id = number
    ordered = lots.spending_order(some)
    kinds = [0 if lot.origin == "grant" else 2 if lot.withdrawable else 1 for lot in ordered]
    assert kinds == sorted(kinds)
    expiries = [lot.expires_at or datetime.max.replace(tzinfo=NOON.tzinfo) for lot in ordered if lot.origin == "grant"]
    assert expiries == sorted(expiries)
    for kind in (1, 2):
        opened = [lot.opened_at for lot, its in zip(ordered, kinds, strict=True) if its == kind]
        assert opened == sorted(opened)
    shuffled = list(some)
    chance.shuffle(shuffled)
    assert lots.spending_order(shuffled) == ordered, "the order does not depend on how they were read"


@db
def test_a_gift_spends_the_same_coins_once_per_reference():
    account = an_account()
    card, grant = bought(account, 50), granted(account, 30)
    gift = gifts.give(account=account, coins=40, reference="gift-1", live="live-7", now=NOON)
    assert gifts.give(account=account, coins=40, reference="gift-1", live="live-7", now=NOON) == gift
    assert (left_of(grant), left_of(card)) == (0, 40)
    with pytest.raises(JournalKeyReused):
        gifts.give(account=account, coins=41, reference="gift-1", live="live-7", now=NOON)
    with pytest.raises(InsufficientCoins):
        gifts.give(account=account, coins=41, reference="gift-2", now=NOON)
    audited()


@db
def test_a_wallet_may_be_very_large():
    account = an_account()
    bought(account, 2_000_000_000)
    gifts.give(account=account, coins=1_000_000_000, reference="the largest", now=NOON)
    order = charged(an_escrow(account, 900_000_000, coupon=a_coupon(50_000_000)), 850_000_000 * MICROS)
    settled(order)
    assert wallet.balance(account=account).free_coins == 200_000_000
    audited()


@db
def test_coins_taken_back_after_they_were_spent_are_owed():
    account = an_account()
    other, lot = granted(account, 30), bought(account, 100, origin="apple")
    gifts.give(account=account, coins=90, reference="spent", now=NOON)
    assert (left_of(other), left_of(lot)) == (0, 40)
    taken = clawbacks.claw_back(lot=lot, coins=100, key="apple:refund:1", now=NOON)
    assert (taken.taken_coins, taken.owed_coins) == (40, 60)
    assert clawbacks.claw_back(lot=lot, coins=100, key="apple:refund:1", now=NOON) == taken
    assert wallet.balance(account=account) == wallet.Balance(0, 0, 60, [])
    with pytest.raises(InsufficientCoins):
        an_escrow(account, 1)
    bought(account, 100)
    balance = wallet.balance(account=account)
    assert (balance.free_coins, balance.debt_coins) == (40, 0)
    audited()


@db
def test_a_clawback_takes_from_its_own_lot_first_and_then_from_the_others():
    account = an_account()
    grant, first, second = granted(account, 10), bought(account, 20), bought(account, 30)
    clawbacks.claw_back(lot=second, coins=35, key="refund", now=NOON)
    assert [left_of(lot) for lot in (grant, first, second)] == [5, 20, 0]


@db
def test_grants_expire_and_so_does_what_returns_to_them():
    account = an_account()
    granted(account, 100, expires_at=NOON + DAY)
    order = an_escrow(account, 60)
    assert expiry.expire_due(now=NOON + DAY - timedelta(seconds=1)) == 0
    assert wallet.balance(account=account, now=NOON).free_coins == 40
    assert wallet.balance(account=account, now=NOON + DAY).free_coins == 0, "swept or not, as placing sees it"
    assert expiry.expire_due(now=NOON + DAY) == 1
    assert wallet.balance(account=account).free_coins == 0
    settled(order)
    assert wallet.balance(account=account).free_coins == 60
    assert expiry.expire_due(now=NOON + DAY) == 1
    assert expiry.expire_due(now=NOON + DAY) == 0
    assert wallet.balance(account=account).free_coins == 0
    audited()


@db
def test_the_statement_tells_every_change_with_the_balance_after_it():
    account = an_account()
    lot = bought(account, 500, key="top-up")
    order = charged(an_escrow(account, 300, ref="ord_1"), 100 * MICROS)
    gifts.give(account=account, coins=50, reference="g", now=NOON)
    settled(order)
    clawbacks.claw_back(lot=lot, coins=500, key="refund", now=NOON)
    granted(account, 200)
    page = wallet.statement(account=account)
    assert [(one.kind, one.coins, one.debt_coins, one.balance_coins) for one in page.entries] == [
        ("grant", 50, -150, 50),
        ("clawback", -350, 150, 0),
        ("order_settle", 200, 0, 350),
        ("gift", -50, 0, 150),
        ("order_pay", -300, 0, 200),
        ("top_up", 500, 0, 500),
    ]
    assert all(type(one.coins) is int and type(one.balance_coins) is int for one in page.entries)
    assert page.next_cursor is None
    assert [one.ref for one in page.entries[2:5]] == ["ord_1", "g", "ord_1"]
    assert str(page.entries[2].title) == "Unspent coins returned"


@db
def test_the_statement_comes_in_pages_that_run_on():
    account = an_account()
    for _ in range(5):
        granted(account, 10)
    granted(an_account(), 10)
    pages, cursor = [], None
    while True:
        page = wallet.statement(account=account, cursor=cursor, limit=2)
        pages.append([one.balance_coins for one in page.entries])
        if (cursor := page.next_cursor) is None:
            break
    assert pages == [[50, 40], [30, 20], [10]]
