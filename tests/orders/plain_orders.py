"""Orders as one would explain them on paper: beside the piles of coins of `test_ledger_model.py`, what is promised to
whom, which order holds whose coins, and what becomes of both. Nothing here asks the product.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tests.payments.test_ledger_model import Model, ModelLot, ModelOrder

MICRO = 1_000_000
DAY = timedelta(days=1)
REFUND_WITHIN = timedelta(minutes=15)


@dataclass(eq=False)
class PlainOffer:
    """A coupon of one account: of so many coins, or of so many percent up to a cap."""

    owner: int
    coins: int
    percent: int
    cap: int
    expires_at: datetime | None
    real: Any = None
    status: str = "available"

    def standing(self, now: datetime) -> str:
        is_over = self.status == "available" and self.expires_at is not None and self.expires_at <= now
        return "expired" if is_over else self.status

    @property
    def at_most(self) -> int:
        return self.coins or self.cap

    def takes_off(self, cost: int) -> int:
        """0 where an order of this cost is too small for it."""
        worth = self.coins or min(self.cap, cost * self.percent // 100)
        return worth if worth < cost else 0


@dataclass(eq=False)
class PlainQuote:
    owner: int
    cost: int
    offer: PlainOffer | None
    coupon: int
    is_live: bool
    until: datetime
    sealed: str
    order: "PlainOrder | None" = None


@dataclass(eq=False)
class PlainOrder(ModelOrder):
    """`micros` are what its escrow holds, `taken` the coins of its owner's in the order in which they left."""

    key: str = ""
    quote: PlainQuote | None = None
    real: Any = None
    status: str = "in_review"
    judged_by: datetime | None = None
    """Until when a verdict is waited for; None where none is."""
    ends_at: datetime | None = None
    due_at: datetime | None = None
    """By when its refund is promised, once it has ended."""
    is_drained: bool = False
    is_billed: bool = False
    charged: int = 0
    returned: int = 0
    """Of what was charged, what went back after the settlement."""
    refunded: int = 0
    back: int = 0
    """Coins that came back after the settlement."""

    @property
    def paid(self) -> int:
        return sum(coins for _lot, coins in self.taken)

    @property
    def cost_micros(self) -> int:
        return (self.paid + self.coupon) * MICRO

    @property
    def is_over(self) -> bool:
        return self.status in ("settled", "rejected", "cancelled")

    @property
    def is_open(self) -> bool:
        return self.status in ("in_review", "delivering")

    @property
    def net(self) -> int:
        """What its charges come to, without those that went back."""
        return self.charged - self.returned if self.is_over else self.cost_micros - self.micros

    def of_coupon(self, charged: int) -> int:
        """The coupon is spent first."""
        return min(charged, self.coupon * MICRO)

    def of_owner(self, charged: int) -> int:
        """Whole coins: the fraction is ours to give."""
        return (charged - self.of_coupon(charged)) // MICRO


@dataclass
class PlainShop(Model):
    offers: list[PlainOffer] = field(default_factory=list)
    quotes: list[PlainQuote] = field(default_factory=list)
    to_stop: list[list[PlainOrder]] = field(default_factory=list)
    """Orders that hold coins of a payment that went back; whoever has to stop them has not heard yet."""

    def promised(self) -> int:
        return sum(one.at_most for one in self.offers if one.standing(self.now) == "available")

    def place(self, quote: PlainQuote, key: str, real: Any, asked: Any) -> PlainOrder:
        taken = self.take(self.free(quote.owner), quote.cost - quote.coupon)
        order = PlainOrder(
            quote.owner, taken, quote.coupon, quote.cost * MICRO, asked, key=key, quote=quote, real=real,
            judged_by=self.now + DAY,
        )  # fmt: skip
        if quote.is_live:
            order.status, order.ends_at = "delivering", self.now + DAY
        if quote.offer:
            quote.offer.status = "in_use"
            self.campaign_micros -= quote.coupon * MICRO
        quote.order = order
        self.orders.append(order)
        return order

    def stop(self, order: PlainOrder, *, verdict: bool, called_off_as: str = "cancelled") -> bool:
        """Ends an open order; whether all returns at once: it never delivered, or a verdict came before any charge."""
        order.judged_by = None
        if order.ends_at is None or (verdict and order.micros == order.cost_micros):
            order.status = called_off_as
            return True
        self.end(order, at=self.now)
        return False

    def end(self, order: PlainOrder, *, at: datetime) -> None:
        order.status, order.judged_by, order.due_at = "ending", None, at + REFUND_WITHIN

    def finish(self, order: PlainOrder) -> None:
        """Its escrow is emptied: the coupon's rest to its campaign, the owner's to the lots, the last taken first."""
        order.charged = order.cost_micros - order.micros
        order.refunded = self.settle(order)
        if order.quote.offer:
            gone = order.quote.offer.expires_at is not None and order.quote.offer.expires_at <= self.now
            order.quote.offer.status = "used" if order.charged else "expired" if gone else "available"

    def charges_go_back(self, order: PlainOrder, micros: int) -> tuple[int, int]:
        """Of a settled order, which is counted again without them; the coins and the coupon's micros that move."""
        was, stays = order.net, order.net - micros
        coins, coupon = order.of_owner(was) - order.of_owner(stays), order.of_coupon(was) - order.of_coupon(stays)
        self.campaign_micros += coupon
        for lot, part in self._next_back(order, coins):
            self.credit(lot, part)
        order.returned += micros
        order.back += coins
        return coins, coupon

    def _next_back(self, order: PlainOrder, coins: int) -> list[tuple[ModelLot, int]]:
        """Whose the next coins are, behind those that have come back already."""
        before, parts = order.refunded + order.back, []
        for lot, gave in reversed(order.taken):
            got = min(gave, before)
            part = min(gave - got, coins)
            before, coins = before - got, coins - part
            if part:
                parts.append((lot, part))
        return parts
