"""What holds when it happens at once: real commits, real threads."""

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction

from coupons.redemption import OfferNotApplicable
from orders import lifecycle, placement, review, settlement
from orders.models import Order, OrderTransition
from payments import gifts, wallet
from promote.catalogue import sync
from promote.eligibility import BROWSER
from promote.notifications.models import Notification
from promote.outbox.relay import relay
from promote.refusals import Refusal, WrongState
from tests.builders import (
    NOON,
    a_delivering_order,
    a_quote,
    a_reviewer,
    a_video,
    an_account,
    an_offer,
    an_order,
    charged,
    coins_for,
    ended,
)

pytestmark = pytest.mark.django_db(transaction=True)
LATER = NOON + timedelta(hours=1)
CLIENTS = 32


def at_once(*works: Callable[[], Any]) -> list[Any]:
    """Runs each in its own thread and transaction, started together; what each returned or raised."""
    answers: list[Any] = [None] * len(works)
    gate = threading.Barrier(len(works))

    def run(place: int, work: Callable[[], Any]) -> None:
        try:
            gate.wait(10)
            answers[place] = work()
        except BaseException as error:  # noqa: BLE001  (the answer is what was raised)
            answers[place] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)
    return answers


def placing(account, quote, key):
    return lambda: placement.place(account=account, quote=quote.sealed, key=key, caller=BROWSER, now=NOON)


def giving(account, coins, reference):
    return lambda: gifts.give(account=account, coins=coins, reference=reference, now=NOON)


def refusal(answer):
    return isinstance(answer, BaseException)


def kinds(answers):
    return sorted(type(answer).__name__ for answer in answers)


def test_the_same_request_many_times_at_once_is_one_order():
    account = an_account()
    coins_for(account, 5000)
    quote = a_quote(account, a_video(account))
    answers = at_once(*[placing(account, quote, "k")] * CLIENTS)
    assert kinds(answers) == ["Order"] * CLIENTS
    assert len({order.id for order in answers}) == 1
    assert wallet.balance(account=account).free_coins == 4000


def test_one_quote_under_several_keys_at_once_is_one_order():
    account = an_account()
    coins_for(account, 5000)
    quote = a_quote(account, a_video(account))
    answers = at_once(*[placing(account, quote, f"k{n}") for n in range(CLIENTS)])
    assert kinds(answers) == ["Order", *["QuoteUsed"] * (CLIENTS - 1)]
    assert wallet.balance(account=account).free_coins == 4000


def test_orders_and_gifts_at_once_spend_one_wallet_as_if_one_came_after_the_other():
    account = an_account()
    for _ in range(5):
        coins_for(account, 1000)
    video = a_video(account)
    sums = [300 + 25 * n for n in range(CLIENTS)]
    half = CLIENTS // 2
    orders = [placing(account, a_quote(account, video, budget_coins=coins), f"k{coins}") for coins in sums[:half]]
    answers = at_once(*orders, *[giving(account, coins, f"gift-{coins}") for coins in sums[half:]])
    spent = sum(coins for coins, answer in zip(sums, answers, strict=True) if not refusal(answer))
    left = wallet.balance(account=account).free_coins
    assert left == 5000 - spent
    # Who was refused would be refused now as well: all that were served and then these is a serial order.
    refused = [coins for coins, answer in zip(sums, answers, strict=True) if refusal(answer)]
    assert kinds(answer for answer in answers if refusal(answer)) == ["InsufficientCoins"] * len(refused)
    assert min(refused) > left


def test_one_offer_goes_to_one_of_many_orders():
    account = an_account()
    offer = an_offer(account)
    coins_for(account, 5000)
    video = a_video(account)
    quotes = [a_quote(account, video, offer_id=offer.id) for _ in range(CLIENTS)]
    answers = at_once(*[placing(account, quote, f"k{n}") for n, quote in enumerate(quotes)])
    assert [type(a) for a in answers].count(OfferNotApplicable) == CLIENTS - 1
    assert Order.objects.get().coupon_coins == 200
    assert wallet.balance(account=account).free_coins == 4200


def test_a_verdict_and_a_cancellation_at_once_leave_one_truth():
    for _ in range(3):
        order = an_order()
        reviewer = a_reviewer()
        answers = at_once(
            lambda order=order, reviewer=reviewer: review.approve(order_id=order.id, by=reviewer, now=NOON),
            lambda order=order: lifecycle.end(order_id=order.id, reason="user", by=None, now=NOON),
        )
        order.refresh_from_db()
        assert not [answer for answer in answers if isinstance(answer, Exception) and not isinstance(answer, Refusal)]
        assert (order.status, order.refunded_coins) in {("cancelled", 1000), ("ending", None)}


def test_ending_twice_at_once_ends_once():
    order = a_delivering_order()
    answers = at_once(*[lambda: lifecycle.end(order_id=order.id, reason="user", by=None, now=LATER)] * CLIENTS)
    assert [isinstance(answer, WrongState) for answer in answers].count(True) == CLIENTS - 1
    assert order.history.filter(to_status="ending").count() == 1


def test_many_settlers_settle_each_order_once():
    orders = [ended(charged(a_delivering_order(), 1_500_000), now=LATER) for _ in range(12)]
    for order in orders:
        lifecycle.mark_drained(order_id=order.id, now=LATER)
    answers = at_once(*[lambda: settlement.settle_due(limit=5, now=LATER)] * CLIENTS)
    assert not [answer for answer in answers if isinstance(answer, Exception)]
    assert sum(answers) == 12
    assert Notification.objects.filter(kind="order_settled").count() == 12
    assert Order.objects.filter(status="settled", spent_coins=1, refunded_coins=999).count() == 12
    assert not Order.objects.set_aside().exists()
    assert not OrderTransition.objects.filter(why="settlement_failed").exists()


def test_an_order_that_another_worker_has_holds_nobody_up():
    orders = [ended(a_delivering_order(), now=LATER) for _ in range(3)]
    for order in orders:
        lifecycle.mark_drained(order_id=order.id, now=LATER)
    taken, settled = threading.Event(), threading.Event()

    def takes_and_waits():
        with transaction.atomic():
            lifecycle.locked(orders[0].id)
            taken.set()
            return settled.wait(30)

    def settles_the_others():
        assert taken.wait(30)
        count = settlement.settle_due(limit=10, now=LATER)
        settled.set()
        return count

    assert at_once(takes_and_waits, settles_the_others) == [True, 2]
    assert settlement.settle_due(limit=10, now=LATER) == 1


def test_a_settler_that_is_killed_in_the_middle_leaves_the_order_due():
    order = ended(a_delivering_order(), now=LATER)
    lifecycle.mark_drained(order_id=order.id, now=LATER)

    class Killed(BaseException):
        pass

    def dies():
        with transaction.atomic():
            settlement.settle_due(limit=5, now=LATER)
            raise Killed

    assert kinds(at_once(dies)) == ["Killed"]
    assert Order.objects.get().status == "ending"
    assert settlement.settle_due(limit=5, now=LATER) == 1
    assert wallet.balance(account=order.account).free_coins == 1000


def suspended(account, video):
    sync.put_video(
        external_id=video.external_id,
        account=account.external_id,
        caption=video.caption,
        visibility="public",
        status="suspended",
        duration_s=21,
        updated_at=LATER,
    )


def restricted(account, video):
    facts = {"username": account.username, "type": account.type, "country": "US", "birth_date": account.birth_date}
    sync.put_account(external_id=account.external_id, updated_at=LATER, restricted=True, **facts)


@pytest.mark.parametrize("news", [suspended, restricted])
def test_news_that_comes_between_placing_and_its_commit_still_stops_the_order(news):
    account = an_account()
    video = a_video(account)
    coins_for(account, 1000)
    quote = a_quote(account, video)
    placed = threading.Event()

    def places():
        with transaction.atomic():
            placing(account, quote, "k")()
            placed.set()
            time.sleep(0.5)  # long enough for the news to be taken in and told, were nothing in its way

    def hears():
        assert placed.wait(10)
        news(account, video)
        while relay():
            pass

    assert at_once(places, hears) == [None, None]
    assert Order.objects.get().status == "cancelled"
    assert wallet.balance(account=account).free_coins == 1000


def test_charging_and_settling_at_once_never_lose_a_micro():
    from payments import escrow
    from payments.ledger import AccountClosed, Overdrawn

    order = ended(a_delivering_order(), now=LATER)
    lifecycle.mark_drained(order_id=order.id, now=LATER)

    def charge(n):
        return lambda: escrow.charge(key=f"late-{n}", charges=[(order.escrow_id, 400_000)], now=LATER)

    answers = at_once(*[charge(n) for n in range(5)], lambda: settlement.settle_due(limit=5, now=LATER))
    while settlement.settle_due(limit=5, now=LATER):
        pass
    refused = [answer for answer in answers if isinstance(answer, Exception)]
    assert all(isinstance(answer, (AccountClosed, Overdrawn)) for answer in refused)
    order.refresh_from_db()
    assert order.charged_micros == 400_000 * (5 - len(refused))
    assert order.spent_coins + order.refunded_coins == 1000
    assert wallet.balance(account=order.account).free_coins == order.refunded_coins
