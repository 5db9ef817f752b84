"""An order's escrow: what goes in, what delivery may spend, and who gets the rest."""

import pytest
from django.db import transaction
from hypothesis import given
from hypothesis import strategies as st

from payments import clawbacks, escrow, ledger, shares, wallet
from payments.escrow import CampaignExhausted, FundingDiffers
from payments.ledger import AccountClosed, JournalKeyReused, Overdrawn
from payments.lots import InsufficientCoins, Taken
from payments.models import LedgerAccount, Transfer
from payments.shares import CouponShare, Funding
from promote.money import MICROS
from tests.builders import NOON, an_account
from tests.payments.ledgers import (
    SPEND,
    a_coupon,
    an_escrow,
    audited,
    bought,
    charged,
    granted,
    left_of,
    settled,
)

db = pytest.mark.django_db


@db
def test_an_order_is_paid_from_the_lots_in_spending_order_and_its_coupon():
    account = an_account()
    card, apple, gift = bought(account, 500), bought(account, 200, origin="apple"), granted(account, 100)
    coupon = a_coupon(50)
    funded = an_escrow(account, 350, coupon=coupon)
    assert escrow.left(escrow_ids=[funded.escrow_id]) == {funded.escrow_id: 400 * MICROS}
    assert [left_of(lot) for lot in (gift, apple, card)] == [0, 0, 450]
    assert ledger.balances([coupon.campaign_account_id]) == {coupon.campaign_account_id: 0}
    audited()


@db
def test_too_few_coins_are_told_to_the_coin_and_move_nothing():
    account = an_account()
    granted(account, 100)
    with pytest.raises(InsufficientCoins) as refusal:
        an_escrow(account, 350, coupon=a_coupon(50))
    assert (refusal.value.status, refusal.value.extra) == (402, {"missing_coins": 250})
    assert "250 coins" in refusal.value.detail
    assert wallet.balance(account=account).free_coins == 100


@db
def test_coins_of_an_expired_grant_pay_for_nothing():
    account = an_account()
    granted(account, 100, expires_at=NOON)
    with pytest.raises(InsufficientCoins):
        an_escrow(account, 1)


@db
def test_a_campaign_gives_no_more_than_it_has():
    account = an_account()
    granted(account, 100)
    with pytest.raises(CampaignExhausted) as refusal:
        an_escrow(account, 60, coupon=a_coupon(50, funded_coins=49))
    assert (refusal.value.code, refusal.value.extra) == ("offer_not_applicable", {"reason": "campaign_exhausted"})


@db
def test_an_order_is_paid_once_however_often_it_is_asked():
    account = an_account()
    granted(account, 100)
    first = an_escrow(account, 60, ref="one")
    assert an_escrow(account, 60, ref="one").escrow_id == first.escrow_id
    assert wallet.balance(account=account).free_coins == 40
    with pytest.raises(JournalKeyReused):
        an_escrow(account, 61, ref="one")


@db
@pytest.mark.parametrize("micros", [0, -MICROS, MICROS + 1])
def test_an_escrow_takes_whole_coins(micros):
    with pytest.raises(ValueError, match="whole coins"):
        escrow.fund(account=an_account(), pay_micros=micros, coupon=None, ref="x", now=NOON)


@db
def test_delivery_spends_no_more_than_is_in_it():
    account = an_account()
    granted(account, 10)
    funded = charged(an_escrow(account, 10), 10 * MICROS - 1)
    assert escrow.lock([funded.escrow_id]) == {funded.escrow_id: 1}
    with pytest.raises(Overdrawn), transaction.atomic():
        charged(funded, 2)
    assert escrow.left(escrow_ids=[funded.escrow_id]) == {funded.escrow_id: 1}


@db
def test_a_batch_of_charges_is_one_journal_with_a_transfer_an_order():
    account = an_account()
    granted(account, 30)
    first, second, third = (an_escrow(account, 10) for _ in range(3))
    posted = escrow.charge(
        key="shard:1:5-0", charges=[(first.escrow_id, 5), (second.escrow_id, 7), (third.escrow_id, 0)], now=NOON
    )
    moved = Transfer.objects.filter(journal_id=posted.journal_id).values_list("debit_id", "credit_id", "amount")
    assert list(moved) == [(first.escrow_id, SPEND, 5), (second.escrow_id, SPEND, 7)]


@db
def test_a_batch_of_charges_counts_once():
    account = an_account()
    granted(account, 10)
    funded = an_escrow(account, 10)
    for _ in range(2):
        escrow.charge(key="shard:1:5-0", charges=[(funded.escrow_id, 5)], now=NOON)
    assert escrow.left(escrow_ids=[funded.escrow_id]) == {funded.escrow_id: 10 * MICROS - 5}


@db
def test_what_was_not_spent_returns_to_the_lots_that_paid_the_last_taken_first():
    account = an_account()
    card, apple, gift = bought(account, 500), bought(account, 200, origin="apple"), granted(account, 100)
    funded = charged(an_escrow(account, 350), 220 * MICROS)
    answer = settled(funded)[funded.escrow_id]
    assert (answer.user_spent_coins, answer.refunded_coins, answer.rounding_micros) == (220, 130, 0)
    assert [left_of(lot) for lot in (gift, apple, card)] == [0, 80, 500]
    audited()


@db
def test_the_users_spend_is_rounded_down_to_a_whole_coin():
    account = an_account()
    lot = granted(account, 10)
    funded = charged(an_escrow(account, 10), 3_700_001)
    answer = settled(funded)[funded.escrow_id]
    assert (answer.charged_micros, answer.user_spent_coins) == (3_700_001, 3)
    assert (answer.refunded_coins, answer.rounding_micros) == (7, 700_001)
    assert left_of(lot) == 7
    audited()


@db
def test_a_coupon_is_spent_first_and_its_rest_returns_to_the_campaign():
    account = an_account()
    lot, coupon = granted(account, 100), a_coupon(50)
    funded = charged(an_escrow(account, 100, coupon=coupon), 20_500_000)
    answer = settled(funded)[funded.escrow_id]
    assert (answer.coupon_spent_micros, answer.coupon_returned_micros) == (20_500_000, 29_500_000)
    assert (answer.user_spent_coins, answer.refunded_coins, left_of(lot)) == (0, 100, 100)
    assert ledger.balances([coupon.campaign_account_id]) == {coupon.campaign_account_id: 29_500_000}
    audited()


@db
def test_an_order_that_spent_nothing_gives_everything_back():
    account = an_account()
    lot, coupon = granted(account, 100), a_coupon(50)
    funded = an_escrow(account, 100, coupon=coupon)
    answer = settled(funded)[funded.escrow_id]
    assert (answer.charged_micros, answer.refunded_coins, answer.coupon_returned_micros) == (0, 100, 50 * MICROS)
    assert left_of(lot) == 100


@db
def test_an_order_that_spent_everything_gives_nothing_back():
    account = an_account()
    granted(account, 100)
    funded = charged(an_escrow(account, 100), 100 * MICROS)
    answer = settled(funded)[funded.escrow_id]
    assert (answer.user_spent_coins, answer.refunded_coins) == (100, 0)
    audited()


@db
def test_a_settled_escrow_takes_no_charge():
    account = an_account()
    granted(account, 100)
    funded = charged(an_escrow(account, 100), 5)
    settled(funded)
    assert escrow.lock([funded.escrow_id]) == {funded.escrow_id: 0}
    with pytest.raises(AccountClosed), transaction.atomic():
        charged(funded, 1)


@db
def test_settling_again_moves_nothing_and_answers_the_same():
    account = an_account()
    granted(account, 100)
    first = charged(an_escrow(account, 40, coupon=a_coupon(7)), 12_345_678)
    answer = settled(first)[first.escrow_id]
    second = charged(an_escrow(account, 40), 2_000_001)
    transfers = Transfer.objects.count()
    both = settled(first, second)
    assert both[first.escrow_id] == answer
    assert both[second.escrow_id].user_spent_coins == 2
    assert Transfer.objects.count() - transfers == 2, "rounding and refund of the second alone"
    assert wallet.balance(account=account).free_coins == 100 - 5 - 2


@db
def test_a_wrong_coupon_settles_nothing_of_the_batch():
    account = an_account()
    granted(account, 100)
    right, wrong = an_escrow(account, 10), an_escrow(account, 10, coupon=a_coupon(5))
    for coupon in (None, CouponShare(wrong.coupon.campaign_account_id, 6 * MICROS), a_coupon(5)):
        with pytest.raises(FundingDiffers), transaction.atomic():
            settled(right, escrow.EscrowToSettle(wrong.escrow_id, coupon, wrong.ref))
    with pytest.raises(FundingDiffers), transaction.atomic():
        settled(escrow.EscrowToSettle(right.escrow_id, None, "another"))
    assert not LedgerAccount.objects.get(id=right.escrow_id).closed


@db
def test_a_refund_repays_debt_first_order_by_order():
    account = an_account()
    lot = bought(account, 100)
    orders = [an_escrow(account, 30), an_escrow(account, 60)]
    assert clawbacks.claw_back(lot=lot, coins=100, key="dispute", now=NOON).owed_coins == 90
    settled(charged(orders[0], 10 * MICROS), orders[1])
    balance = wallet.balance(account=account)
    assert (balance.debt_coins, balance.free_coins) == (10, 0)
    granted(account, 15)
    balance = wallet.balance(account=account)
    assert (balance.debt_coins, balance.free_coins) == (0, 5)
    audited()


@db
def test_of_two_refunds_in_a_batch_only_the_debt_is_repaid():
    account = an_account()
    lot = bought(account, 100)
    orders = [an_escrow(account, 30), an_escrow(account, 60)]
    clawbacks.claw_back(lot=lot, coins=100, key="dispute", now=NOON)
    bought(account, 50)
    assert wallet.balance(account=account).debt_coins == 40
    settled(*orders)
    balance = wallet.balance(account=account)
    assert (balance.debt_coins, balance.free_coins) == (0, 50)
    audited()


@db
def test_many_orders_settle_in_the_same_number_of_statements(django_assert_max_num_queries):
    account = an_account()
    granted(account, 1000)
    orders = [charged(an_escrow(account, 10, coupon=a_coupon(3)), 4_200_000) for _ in range(20)]
    with django_assert_max_num_queries(8):
        answers = settled(*orders)
    assert {answer.user_spent_coins for answer in answers.values()} == {1}
    assert wallet.balance(account=account).free_coins == 1000 - 20
    audited()


coins = st.integers(min_value=0, max_value=10_000)


@given(parts=st.lists(st.integers(1, 5000), min_size=1, max_size=6), coupon=coins, data=st.data())
def test_the_division_loses_nothing_and_favours_the_user(parts, coupon, data):
    taken = tuple(Taken(number, part * MICROS) for number, part in enumerate(parts, 10))
    funding = Funding(CouponShare(1, coupon * MICROS) if coupon else None, taken)
    left = data.draw(st.integers(0, funding.micros))
    answer = shares.divide(funding, left_micros=left)
    assert answer.charged_micros == funding.micros - left
    assert left + answer.rounding_micros == answer.coupon_returned_micros + answer.refunded_coins * MICROS
    assert 0 <= answer.rounding_micros < MICROS
    assert answer.coupon_spent_micros == min(answer.charged_micros, coupon * MICROS)
    assert answer.user_spent_coins + answer.refunded_coins == sum(parts)
    assert answer.user_spent_coins == (answer.charged_micros - answer.coupon_spent_micros) // MICROS


@given(parts=st.lists(st.integers(1, 5000), min_size=1, max_size=6), data=st.data())
def test_coins_return_to_where_they_were_taken_from_the_last_first(parts, data):
    taken = [Taken(number, part) for number, part in enumerate(parts)]
    micros = data.draw(st.integers(0, sum(parts)))
    returned = shares.back_to_lots(taken, micros=micros)
    assert sum(part.micros for part in returned) == micros
    places = [part.ledger_account_id for part in returned]
    assert places == list(range(len(parts) - 1, len(parts) - 1 - len(places), -1))
    assert all(part.micros == parts[part.ledger_account_id] for part in returned[:-1]), "all but the last are whole"


def test_more_than_was_taken_can_not_be_returned():
    with pytest.raises(ValueError, match="more to return"):
        shares.back_to_lots([Taken(1, 5)], micros=6)
    with pytest.raises(ValueError, match="left"):
        shares.divide(Funding(None, (Taken(1, MICROS),)), left_micros=MICROS + 1)
