"""The steps of test_order_money_model.py, each in the product by its use case and in the model of plain_orders.py."""

from collections.abc import Callable
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from coupons import offers
from coupons.models import Campaign, Offer
from coupons.redemption import OfferNotApplicable
from orders import charge_returns, lifecycle, placement, quotes, review, settlement
from orders.models import Order
from payments import escrow, expiry, ledger
from payments.lots import InsufficientCoins
from payments.models import Journal
from promote.catalogue.models import LiveRoom, Video
from promote.eligibility import BROWSER
from promote.idempotency.answers import KeyReused
from promote.markets.models import Market
from promote.outbox import topics
from promote.outbox.models import Message
from tests.builders import a_campaign, a_live, a_number, a_quote, a_reviewer, a_video, an_account
from tests.orders.plain_orders import DAY, MICRO, PlainOffer, PlainOrder, PlainQuote, PlainShop
from tests.payments.test_ledger_model import HOUR, some_coins
from tests.payments.test_money_model import Money

QUOTE_HOLDS = timedelta(minutes=10)
OWNERS = st.integers(0, 1)
TERMS = st.tuples(st.integers(1, 90), st.just(0), st.just(0)) | st.tuples(
    st.just(0), st.integers(1, 100), st.integers(1, 90)
)
"""A coupon's coins, or its percents and cap."""
STEPS_ON = st.integers(0, 6)
"""From its verdict to its invoice are six."""


class Killed(BaseException):
    """A worker dies between two statements: no `except Exception` of the product outlives that."""


class Countdown:
    """Lets so many statements through but one, and dies instead of that."""

    def __init__(self, statements: int) -> None:
        self.left = statements

    def __call__(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        self.left -= 1
        if self.left == 0:
            raise Killed
        return execute(sql, params, many, context)


class OrderSteps(Money):
    """What Money does to wallets, and orders that are placed, judged, charged, ended and settled beside it."""

    # Escrows without orders, lots without payments, and what has nothing to do with orders: Money has that.
    place = settle = buy = claw_back = give = finance_adjusts = None

    def __init__(self) -> None:
        super().__init__()
        self.model = PlainShop()
        self.dies_at = 0
        self.last_charge: tuple[str, list[tuple[int, int]]] | None = None

    @initialize(data=st.data(), budget=st.integers(0, 300), coins=st.lists(some_coins, min_size=6, max_size=6))
    def open_accounts(self, data: st.DataObject, budget: int, coins: list[int]) -> None:
        """Two who have coins of three kinds, a coupon perhaps, and an order."""
        us = Market.objects.get(code="US")
        us.budget_min_per_day_coins = 1
        us.functions, us.objectives = [*us.functions, "live"], us.objectives | {"live": ["live_viewers"]}
        us.save()
        self.accounts = [an_account(), an_account()]
        self.targets: dict[tuple[int, bool], Video | LiveRoom] = {
            (owner, is_live): a_live(account) if is_live else a_video(account)
            for owner, account in enumerate(self.accounts)
            for is_live in (False, True)
        }
        self.offering = a_campaign(funded_coins=budget)
        self.campaign = self.offering.ledger_account_id
        self.model.campaign_micros = budget * MICRO
        self.reviewer = a_reviewer()
        for owner in (0, 1):
            given, one, other = coins[3 * owner : 3 * owner + 3]
            self.grant(owner=owner, coins=given, hours=None)
            self.top_up(owner=owner, coins=one, price=1, method="card")
            self.top_up(owner=owner, coins=other, price=2, method="card")
            self.give_a_coupon(owner=owner, terms=data.draw(TERMS, label="terms"), hours=None)
            everything = given + one + other
            cost = data.draw(st.integers(1, everything) | st.just(everything), label="cost")
            is_live, steps = data.draw(st.booleans(), label="live"), data.draw(STEPS_ON, label="steps")
            self.place_an_order(owner=owner, cost=cost, is_live=is_live, steps=steps, data=data)

    # --- workers that die -------------------------------------------------------------------------------------------

    @rule(point=st.integers(1, 25))
    def the_next_worker_dies(self, point: int) -> None:
        """Before one of its statements, or behind its last, before it commits; the next does the same again."""
        self.dies_at = point

    def does(self, work: Callable[[], Any]) -> Any:
        if self.dies_at:
            point, self.dies_at = self.dies_at, 0
            with pytest.raises(Killed), transaction.atomic(), connection.execute_wrapper(Countdown(point)):
                work()
                raise Killed
        return super().does(work)

    def does_once(self, work: Callable[[], Any]) -> Any:
        """What is not asked for again: it would be another one, or is refused."""
        answer = self.does(work)
        self.last = None
        return answer

    # --- coupons and prices -----------------------------------------------------------------------------------------

    @rule(owner=OWNERS, terms=TERMS, hours=st.none() | st.integers(1, 30))
    def give_a_coupon(self, owner: int, terms: tuple[int, int, int], hours: int | None) -> None:
        coins, percent, cap = terms
        kind = "voucher" if coins else "discount"
        Campaign.objects.filter(id=self.offering.id).update(
            kind=kind, coins=coins or None, percent=percent or None, cap_coins=cap or None
        )
        now = self.model.now
        offer = PlainOffer(owner, coins, percent, cap, now + hours * HOUR if hours else None)

        def grant() -> Offer:
            asked = {"campaign_id": self.offering.id, "account": self.accounts[owner]}
            return offers.grant(expires_at=offer.expires_at, now=now, **asked)

        if self.model.campaign_micros // MICRO - self.model.promised() < offer.at_most:
            assert self.refuses(grant, OfferNotApplicable).reason == "campaign_exhausted"
        else:
            offer.real = self.does_once(grant)
            self.model.offers.append(offer)

    @rule(owner=OWNERS, cost=some_coins, is_live=st.booleans(), data=st.data())
    def ask_for_a_price(self, owner: int, cost: int, is_live: bool, data: st.DataObject) -> None:
        self.quoted(owner, cost, is_live, data)

    def quoted(self, owner: int, cost: int, is_live: bool, data: st.DataObject) -> PlainQuote | None:
        now = self.model.now
        own = [offer for offer in self.model.offers if offer.owner == owner]
        offer = data.draw(st.sampled_from([*own[::-1], None]), label="coupon") if own else None

        def ask() -> quotes.Quote:
            wish = {"budget_coins": cost, "offer_id": offer.real.id if offer else None}
            return a_quote(self.accounts[owner], self.targets[owner, is_live], now=now, **wish)

        coupon = offer.takes_off(cost) if offer else 0
        if offer and (offer.standing(now) != "available" or not coupon):
            self.refuses(ask, OfferNotApplicable)
            return None
        made = self.does_once(ask)
        assert (made.plan.cost_coins, made.plan.coupon_coins) == (cost, coupon)
        quote = PlainQuote(owner, cost, offer, coupon, is_live, now + QUOTE_HOLDS, made.sealed)
        self.model.quotes.append(quote)
        return quote

    # --- placing ----------------------------------------------------------------------------------------------------

    @rule(owner=OWNERS, cost=some_coins, is_live=st.booleans(), steps=STEPS_ON, data=st.data())
    def place_an_order(self, owner: int, cost: int, is_live: bool, steps: int, data: st.DataObject) -> None:
        quote = self.quoted(owner, cost, is_live, data)
        if quote is not None:
            self.place_by(quote, f"key-{a_number()}")
        if quote is not None and quote.order:
            self.goes_on(quote.order, steps, data)

    @precondition(lambda self: self.model.quotes)
    @rule(data=st.data())
    def place_by_some_quote_and_key(self, data: st.DataObject) -> None:
        """One that was used or is too old, a key that stands for another: whatever clients send."""
        quote = data.draw(st.sampled_from(self.model.quotes[::-1]), label="quote")
        keys = [order.key for order in self.model.orders if order.owner == quote.owner]
        key = data.draw(st.sampled_from([f"key-{a_number()}", *keys[::-1]]), label="key")
        self.place_by(quote, key)

    def place_by(self, quote: PlainQuote, key: str) -> None:
        now, account = self.model.now, self.accounts[quote.owner]

        def place() -> Order:
            return placement.place(account=account, quote=quote.sealed, key=key, caller=BROWSER, now=now)

        under_key = [one for one in self.model.orders if (one.owner, one.key) == (quote.owner, key)]
        missing = quote.cost - quote.coupon - self.model.free_coins(quote.owner)
        if under_key and under_key[0].quote is quote:
            assert self.does(place) == under_key[0].real
        elif under_key:
            self.refuses(place, KeyReused)
        elif quote.order:
            self.refuses(place, placement.QuoteUsed)
        elif now >= quote.until:
            self.refuses(place, placement.QuoteExpired)
        elif quote.offer and quote.offer.standing(now) != "available":
            self.refuses(place, OfferNotApplicable)
        elif missing > 0:
            refused = self.refuses(place, InsufficientCoins)
            assert refused.missing_coins == missing + self.model.owed[quote.owner]
        else:
            real = self.does(place)
            self.model.place(quote, key, real, SimpleNamespace(escrow_id=real.escrow_id))

    # --- from its verdict to its end --------------------------------------------------------------------------------

    @precondition(lambda self: any(one.judged_by for one in self.model.orders))
    @rule(data=st.data(), approves=st.booleans())
    def a_reviewer_decides(self, data: st.DataObject, approves: bool) -> None:
        order = data.draw(st.sampled_from([one for one in self.model.orders if one.judged_by]), label="order")
        self.decide(order, approves=approves)

    def decide(self, order: PlainOrder, *, approves: bool) -> None:
        asked = {"order_id": order.real.id, "by": self.reviewer, "now": self.model.now}
        if approves:
            self.does_once(lambda: review.approve(**asked))
            if order.status == "in_review":
                order.status, order.ends_at = "delivering", self.model.now + DAY
            order.judged_by = None
        else:
            self.does_once(lambda: review.reject(policy="misleading", **asked))
            if self.model.stop(order, verdict=True, called_off_as="rejected"):
                self.model.finish(order)

    @precondition(lambda self: self.model.orders)
    @rule(data=st.data())
    def the_owner_ends_it(self, data: st.DataObject) -> None:
        """Withdrawn before its review, or ended while it delivers."""
        order = data.draw(st.sampled_from(self.model.orders[::-1]), label="order")
        self.end(order)

    def end(self, order: PlainOrder) -> None:
        asked = {"order_id": order.real.id, "reason": "user", "by": self.accounts[order.owner], "now": self.model.now}
        if not order.is_open:
            self.refuses(lambda: lifecycle.end(**asked), lifecycle.AlreadyEnded)
            return
        self.does_once(lambda: lifecycle.end(**asked))
        if self.model.stop(order, verdict=False):
            self.model.finish(order)

    @property
    def chargeable(self) -> list[PlainOrder]:
        return [one for one in self.model.orders if one.ends_at and not one.is_over and not one.is_drained]

    @precondition(lambda self: self.chargeable)
    @rule(data=st.data())
    def charge(self, data: st.DataObject) -> None:
        """As a shard's drain posts it: one journal, a transfer an order, all of them or none."""
        batches = st.lists(st.sampled_from(self.chargeable), min_size=1, max_size=3, unique_by=id)
        self.charge_some(data.draw(batches, label="orders"), data)

    def charge_some(self, some: list[PlainOrder], data: st.DataObject) -> None:
        micros = [
            data.draw(st.integers(1, one.micros + 1) | st.just(max(1, one.micros)) | st.integers(1, 2 * MICRO))
            for one in some
        ]
        key, now = f"charge:{a_number()}:1:1-0", self.model.now
        charges = [(one.asked.escrow_id, part) for one, part in zip(some, micros, strict=True)]

        def charge() -> int:
            with transaction.atomic():
                escrow.lock([id_ for id_, _part in charges])
                return escrow.charge(key=key, charges=charges, now=now).journal_id

        if any(part > one.micros for one, part in zip(some, micros, strict=True)):
            self.refuses(charge, ledger.Overdrawn)
            return
        self.does(charge)
        self.last_charge = key, charges
        for one, part in zip(some, micros, strict=True):
            one.micros -= part

    @precondition(lambda self: self.last_charge is not None)
    @rule(more=st.integers(1, 5))
    def the_same_key_with_other_contents(self, more: int) -> None:
        key, charges = self.last_charge
        other = [(id_, part + more) for id_, part in charges]
        self.refuses(lambda: escrow.charge(key=key, charges=other, now=self.model.now), ledger.JournalKeyReused)

    @precondition(lambda self: any(one.status == "ending" and not one.is_drained for one in self.model.orders))
    @rule(data=st.data())
    def the_last_event_is_known(self, data: st.DataObject) -> None:
        ending = [one for one in self.model.orders if one.status == "ending" and not one.is_drained]
        self.drain(data.draw(st.lists(st.sampled_from(ending), min_size=1, unique_by=id), label="orders"))

    def drain(self, some: list[PlainOrder]) -> None:
        ids = [one.real.id for one in some]
        self.does(lambda: lifecycle.mark_all_drained(order_ids=ids, now=self.model.now))
        for one in some:
            one.is_drained = True

    @property
    def in_line(self) -> list[PlainOrder]:
        return [one for one in self.model.orders if one.status == "ending" and one.is_drained]

    @precondition(lambda self: self.in_line)
    @rule(limit=st.integers(1, 4))
    def settle_a_batch(self, limit: int) -> None:
        self.settle_some(limit)

    def settle_some(self, limit: int) -> None:
        line = self.in_line
        done = self.does_once(lambda: settlement.settle_due(limit=limit, now=self.model.now))
        assert done == min(limit, len(line))
        settled = self.as_posted(line)
        assert len(settled) == done
        left = [one.due_at for one in line if one not in settled]
        assert not left or max(one.due_at for one in settled) <= min(left), "the oldest promise first"
        for order in settled:
            self.model.finish(order)
            order.status = "settled"

    def as_posted(self, orders: list[PlainOrder]) -> list[PlainOrder]:
        """Those of them that were emptied, in the order in which they were: whose turn is first of two that are as old
        is not promised.
        """
        by_key = {f"order:{one.real.public_id}:settle": one for one in orders}
        return [
            by_key[key] for key in Journal.objects.filter(key__in=by_key).order_by("id").values_list("key", flat=True)
        ]

    @precondition(lambda self: any(not one.is_over for one in self.model.orders))
    @rule(data=st.data(), steps=STEPS_ON)
    def an_order_goes_on(self, data: st.DataObject, steps: int) -> None:
        order = data.draw(st.sampled_from([one for one in self.model.orders[::-1] if not one.is_over]), label="order")
        self.goes_on(order, steps, data)

    def goes_on(self, order: PlainOrder, steps: int, data: st.DataObject) -> None:
        """As most do: approved, shown, at its end, settled, billed."""
        for _ in range(steps):
            if order.status == "in_review":
                self.decide(order, approves=True)
            elif order.status == "delivering" and order.micros == order.cost_micros:
                self.charge_some([order], data)
            elif order.status == "delivering":
                self.end(order)
            elif order.status == "ending" and not order.is_drained:
                self.drain([order])
            elif order.status == "ending":
                self.settle_some(4)
            elif not order.is_billed:
                self.spread_the_word()

    # --- what follows -----------------------------------------------------------------------------------------------

    @rule()
    def word_gets_round(self) -> None:
        self.spread_the_word()

    def spread_the_word(self) -> None:
        """Orders that hold coins which are owed are stopped; settled ones are billed."""
        self.does_once(lambda: self.hand_over("coins_owed"))
        for order in [order for orders in self.model.to_stop for order in orders]:
            if order.is_open and self.model.stop(order, verdict=False):
                self.model.finish(order)
        self.model.to_stop.clear()
        self.does_once(lambda: self.hand_over("order_settled"))
        for order in self.model.orders:
            order.is_billed = order.is_billed or (order.is_over and order.of_owner(order.charged) > 0)

    def hand_over(self, topic: str) -> None:
        messages = Message.objects.filter(topic=topic, done_at=None).order_by("id")
        topics.hand_over(topic, [message.payload for message in messages], self.model.now)
        messages.update(done_at=self.model.now)

    @precondition(lambda self: any(one.net for one in self.model.orders))
    @rule(data=st.data())
    def charges_were_invalid(self, data: st.DataObject) -> None:
        order = data.draw(st.sampled_from([one for one in self.model.orders if one.net]), label="order")
        micros = data.draw(st.integers(1, order.net) | st.just(order.net), label="micros")
        asked = {"returned_micros": order.returned, "ref": f"ret_{a_number()}", "now": self.model.now}
        invalid = charge_returns.Invalid(impressions=1, micros=micros, reason="a test")

        def give_back() -> charge_returns.GivenBack:
            return charge_returns.give_back(order_id=order.real.id, invalid=invalid, **asked)

        moves_coins = order.of_owner(order.net) > order.of_owner(order.net - micros)
        if order.is_over and moves_coins and not order.is_billed:
            self.refuses(give_back, charge_returns.NotInvoicedYet)
            return
        back = self.does_once(give_back)
        if order.is_over:
            assert (back.coins, back.coupon_micros) == self.model.charges_go_back(order, micros)
        else:
            order.micros += micros
            assert back.escrow_micros == micros

    @precondition(lambda self: self.payments)
    @rule(data=st.data(), disputed=st.booleans())
    def money_goes_back(self, data: st.DataObject, disputed: bool) -> None:
        before = len(self.gone)
        super().money_goes_back(data=data, disputed=disputed)
        for one in self.gone[before:]:
            lot = one.payment.lot
            holding = [o for o in self.model.orders if not o.is_over and any(own is lot for own, _coins in o.taken)]
            if one.owed and holding:
                self.model.to_stop.append(sorted(holding, key=lambda order: order.real.public_id))

    @rule(passes=st.sampled_from([timedelta(minutes=11), HOUR, 5 * HOUR, 25 * HOUR]))
    def let_time_pass(self, passes: timedelta) -> None:
        """The clocks of orders, reviews, grants and coupons; each at what it comes to by itself."""
        model = self.model
        now = model.now = model.now + passes
        self.does_once(lambda: expiry.expire_due(now=now))
        for lot in model.lots:
            if lot.expires_at <= now:
                lot.coins = 0
        self.does_once(lambda: offers.expire_due(now=now))
        for offer in model.offers:
            offer.status = offer.standing(now)
        self.does_once(lambda: review.expire_due(now=now))
        self.follow_those_nobody_judged(now)
        self.does_once(lambda: lifecycle.end_due(now=now))
        for order in model.orders:
            if order.status == "delivering" and order.ends_at <= now:
                model.end(order, at=order.ends_at)

    def follow_those_nobody_judged(self, now: datetime) -> None:
        late = [one for one in self.model.orders if one.judged_by and one.judged_by <= now]
        called_off = [one for one in late if self.model.stop(one, verdict=True)]
        posted = self.as_posted(called_off)
        assert len(posted) == len(called_off)
        for order in posted:
            self.model.finish(order)
