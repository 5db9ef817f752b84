from datetime import timedelta

import pytest

from coupons import campaigns
from coupons.redemption import OfferNotApplicable
from orders import placement
from orders.models import Order, Review
from orders.placement import QuoteUsed, TargetChanged
from orders.quotes import QuoteExpired, QuoteInvalid
from payments import escrow, wallet
from payments.escrow import InsufficientCoins
from promote.catalogue.models import Video
from promote.eligibility import BROWSER, Caller, NotEligible
from promote.idempotency.answers import KeyReused
from promote.notifications.models import Notification
from promote.outbox.models import Message
from tests.builders import (
    NOON,
    a_campaign,
    a_live,
    a_product,
    a_quote,
    a_user,
    a_video,
    an_account,
    an_offer,
    an_order,
    coins_for,
)

pytestmark = pytest.mark.django_db


def place(account, quote, *, key="k", now=NOON, caller=BROWSER):
    return placement.place(account=account, quote=quote.sealed, key=key, caller=caller, now=now)


def test_placing_moves_the_price_into_the_orders_own_escrow():
    account = an_account()
    coins_for(account, 1500)
    order = place(account, a_quote(account, a_video(account)))
    order.refresh_from_db()
    assert escrow.left(escrow_ids=[order.escrow_id]) == {order.escrow_id: 1_000_000_000}
    balance = wallet.balance(account=account)
    assert (balance.free_coins, balance.held_coins) == (500, 1000)
    assert (order.status, order.placed_at, order.starts_at) == ("in_review", NOON, None)


def test_a_placed_order_has_history_a_review_a_notification_and_is_told_to_the_rooms_above():
    order = an_order()
    assert [(row.from_status, row.to_status, row.why) for row in order.history.all()] == [("", "in_review", "placed")]
    assert Review.objects.get(order=order).due_at == NOON + timedelta(hours=24)
    told = Notification.objects.get(account=order.account, kind="order_placed")
    assert told.payload["order"] == order.public_id
    assert Message.objects.get(topic="order_placed").payload["order"] == str(order.id)


def test_a_coupon_is_paid_by_its_campaign_and_the_rest_by_the_user():
    account = an_account()
    campaign = a_campaign(funded_coins=500)
    order = an_order(account, offer=an_offer(account, campaign=campaign))
    assert (order.cost_coins, order.coupon_coins, order.pay_coins) == (1000, 200, 800)
    assert campaigns.balance_micros(campaign) == 300_000_000
    assert wallet.balance(account=account).free_coins == 0
    assert escrow.left(escrow_ids=[order.escrow_id])[order.escrow_id] == 1_000_000_000


def test_the_same_key_gives_the_same_order_and_takes_the_coins_once():
    account = an_account()
    coins_for(account, 2000)
    quote = a_quote(account, a_video(account))
    first = place(account, quote)
    again = place(account, quote, now=NOON + timedelta(days=3))
    assert first.id == again.id
    assert wallet.balance(account=account).free_coins == 1000


def test_a_key_stands_for_one_quote():
    account = an_account()
    coins_for(account, 2000)
    place(account, a_quote(account, a_video(account)))
    with pytest.raises(KeyReused):
        place(account, a_quote(account, a_video(account)))


def test_a_used_key_with_another_used_quote_is_the_keys_fault():
    account = an_account()
    coins_for(account, 2000)
    quotes = [a_quote(account, a_video(account)) for _ in range(2)]
    place(account, quotes[0], key="one")
    place(account, quotes[1], key="two")
    with pytest.raises(KeyReused):
        place(account, quotes[0], key="two")


def test_placing_takes_few_statements(django_assert_max_num_queries):
    account = an_account(user=a_user())
    coins_for(account, 2000)
    quote = a_quote(account, a_video(account))
    with django_assert_max_num_queries(4):  # of them two that open and close a savepoint, inside a test
        place(account, quote)


def test_the_price_of_another_country_is_not_this_accounts():
    account = an_account()
    coins_for(account, 2000)
    quote = a_quote(account, a_video(account))
    account.country = "AU"
    account.save()
    with pytest.raises(QuoteExpired):
        place(account, quote)
    assert wallet.balance(account=account).free_coins == 2000


def test_a_quote_places_one_order():
    account = an_account()
    coins_for(account, 2000)
    quote = a_quote(account, a_video(account))
    place(account, quote, key="one")
    with pytest.raises(QuoteUsed):
        place(account, quote, key="two")
    with pytest.raises(QuoteUsed):
        place(account, quote, key="two", now=NOON + timedelta(hours=1))
    assert wallet.balance(account=account).free_coins == 1000


def test_a_price_stands_for_ten_minutes():
    account = an_account()
    coins_for(account, 1000)
    quote = a_quote(account, a_video(account))
    with pytest.raises(QuoteExpired):
        place(account, quote, now=NOON + timedelta(seconds=600))
    assert place(account, quote, now=NOON + timedelta(seconds=599)).cost_coins == 1000


def test_anothers_quote_places_nothing():
    account = an_account()
    with pytest.raises(QuoteInvalid):
        place(an_account(), a_quote(account, a_video(account)))


def test_too_few_coins_is_a_clear_answer_and_nothing_is_half_done():
    account = an_account()
    campaign = a_campaign(funded_coins=500)
    offer = an_offer(account, campaign=campaign)
    coins_for(account, 750)
    quote = a_quote(account, a_video(account), offer_id=offer.id)
    with pytest.raises(InsufficientCoins) as refused:
        place(account, quote)
    assert refused.value.extra["missing_coins"] == 50
    offer.refresh_from_db()
    assert offer.status == "available"
    assert campaigns.balance_micros(campaign) == 500_000_000
    assert not Order.objects.exists()
    coins_for(account, 50)
    assert place(account, quote).coupon_coins == 200


def test_an_offer_used_in_between_stops_the_order():
    account = an_account()
    offer = an_offer(account)
    coins_for(account, 2000)
    first, second = (a_quote(account, a_video(account), offer_id=offer.id) for _ in range(2))
    place(account, first, key="one")
    with pytest.raises(OfferNotApplicable) as refused:
        place(account, second, key="two")
    assert refused.value.reason == "in_use"
    assert Order.objects.count() == 1


def test_eligibility_is_looked_at_again_when_the_order_is_placed():
    account = an_account()
    video = a_video(account)
    coins_for(account, 1000)
    quote = a_quote(account, video)
    with pytest.raises(NotEligible):
        place(account, quote, caller=Caller("android", "20.3"))
    Video.objects.filter(id=video.id).update(visibility="private")
    with pytest.raises(NotEligible):
        place(account, quote)
    assert wallet.balance(account=account).free_coins == 1000


def test_a_video_that_got_a_product_link_needs_a_new_price():
    account = an_account()
    video = a_video(account)
    coins_for(account, 1000)
    quote = a_quote(account, video)
    Video.objects.filter(id=video.id).update(product=a_product())
    with pytest.raises(TargetChanged) as refused:
        place(account, quote)
    assert refused.value.code == "quote_expired"


def test_a_live_on_air_delivers_at_once_while_it_is_reviewed():
    account = an_account(country="GB")
    order = an_order(account, a_live(account), duration_s=6 * 3600)
    assert (order.status, order.starts_at, order.ends_at) == ("delivering", NOON, NOON + timedelta(hours=6))
    assert order.reviews.get().status == "in_review"


def test_a_live_not_on_air_yet_is_scheduled_and_its_review_has_time_from_its_start():
    account = an_account(country="GB")
    starts = NOON + timedelta(days=2)
    order = an_order(account, a_live(account, state="scheduled", starts_at=starts))
    assert (order.status, order.starts_at) == ("scheduled", None)
    assert order.reviews.get().due_at == starts + timedelta(hours=24)


def test_an_order_keeps_its_shard_and_shards_are_all_used():
    shards = {an_order().shard for _ in range(40)}
    assert shards == {0, 1, 2, 3}


def test_an_anchor_order_remembers_its_product():
    account = an_account()
    video = a_video(account, anchor={})
    assert an_order(account, video).product_id == video.product_id
