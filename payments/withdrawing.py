"""What an account may withdraw, to which payments, and how long each takes: the quote. Source: DESIGN.md 2 and 6.4.

Which surfaces offer it, each method's usual time and window, and the stores' own addresses are market data.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.utils.translation import gettext_lazy as _

from payments import clawbacks, debts, gateways, limits, lots, payout_accounts, uses
from payments.gateways.base import PaysBack
from payments.lots import Free
from payments.models import Lot, TopUp
from payments.models.lots import IN_APP
from promote.accounts.models import Account
from promote.markets.models import Market, PaymentMethod, PayoutBank
from promote.money import MICROS, coins_to_micros, format_coins, micros_to_coins_ceil
from promote.refusals import FieldError, Invalid, Refusal, Text

_SENTENCES: dict[str, Text] = {
    "no_market": _("Promote is not offered in your country, so nothing can be withdrawn here."),
    "store": _("Coins can't be withdrawn here: ask the store where you bought them for a refund."),
    "debt": _("Your account owes {coins}. They are paid by the next coins that come in; then you can withdraw."),
    "nothing": _(
        "None of your coins can be withdrawn: coins of a store are refunded by that store, and coins that were given "
        "stay in your balance."
    ),
    "given": _("None of your coins can be withdrawn: coins that were given to you stay in your balance."),
    "empty": _(
        "You have no free coins, so there is nothing to withdraw. What your promotions don't spend comes back to your "
        "balance."
    ),
    "method": _(
        "How you paid can't be paid back any more: its time is over, or its provider is not here now. Your coins stay "
        "in your balance; write to support to have them paid back."
    ),
}


class WithdrawalNotAvailable(Refusal):
    """`reason`: no_market, store, debt, nothing, method. `links` are the stores' own ways, where there are some."""

    code, status = "withdrawal_not_available", 409
    title = _("Withdrawal is not available")

    def __init__(self, *, reason: str, links: Iterable[tuple[str, str]] = (), coins: int = 0, said: str = "") -> None:
        found = [{"method": method, "url": url} for method, url in links]
        super().__init__(
            extra={"reason": reason, "links": found},
            coins=format_coins(coins),
        )
        self.sentence = _SENTENCES[said or reason]


@dataclass(frozen=True, slots=True)
class Part:
    """Coins that go back to one payment, by its method, and the price of that part of their lot, in minor units.

    `carrier` is the gateway that pays it to an account which its payer names; empty where it goes back as it came.
    """

    lot: Lot
    top_up: TopUp
    method: PaymentMethod
    coins: int
    price_minor: int
    carrier: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    market: Market
    withdrawable_coins: int
    parts: tuple[Part, ...]
    is_reviewed: bool
    """Our staff looks at it first (limits.py says when)."""
    links: tuple[tuple[str, str], ...] = ()
    """The stores that sold coins of this wallet, each with where it takes a request for a refund."""
    banks: tuple[PayoutBank, ...] = ()
    """Where the account may be that its payer has to name for some of the parts; empty where none is needed."""

    @property
    def coins(self) -> int:
        return sum(part.coins for part in self.parts)


def market_for(account: Account, surface: str) -> Market:
    """The market that allows withdrawals on this surface. Raises WithdrawalNotAvailable."""
    market = Market.objects.filter(code=account.country).first()
    if market is None:
        raise WithdrawalNotAvailable(reason="no_market")
    if surface not in market.withdrawal_surfaces:
        raise WithdrawalNotAvailable(reason="store", links=store_links(market, surface))
    return market


def store_links(market: Market, surface: str) -> list[tuple[str, str]]:
    """Where the stores take a refund's request: the store of this surface, else all that the market has."""
    stores = [row for row in market.payment_methods.filter(in_app=True) if row.refund_url]
    own = [row for row in stores if surface in row.surfaces]
    return [(row.code, row.refund_url) for row in own or stores]


def plan(
    *, account: Account, market: Market, surface: str, free: Iterable[Free[Lot]], coins: int | None, now: datetime
) -> Plan:
    """Which of the `free` lots go back, the oldest first, up to `coins` (None: all that can, within the limits).

    Raises WithdrawalNotAvailable, LimitReached, and Invalid where `coins` are more than can be withdrawn.
    """
    owed = debts.owed_micros(account.id)
    if owed:
        raise WithdrawalNotAvailable(reason="debt", coins=micros_to_coins_ceil(owed))
    free = list(free)
    bought = _bought(free)
    possible = _possible(market, bought, now=now)
    there = sum(part.coins for part in possible)
    if not there:
        raise WithdrawalNotAvailable(reason="method") if bought else _nothing(market, free)
    wanted = _wanted(account, market, coins, there=there, now=now)
    is_reviewed = limits.check_withdrawal(account=account, market=market, coins=wanted, now=now)
    parts = []
    for part in possible:
        taken = min(part.coins, wanted)
        if taken:
            price = min(uses.price_of(part.lot, micros=coins_to_micros(taken)), part.top_up.returnable_minor)
            parts.append(replace(part, coins=taken, price_minor=price))
            wanted -= taken
    named = next((part.top_up.market_id for part in parts if part.carrier), None)
    banks = payout_accounts.banks_of(named) if named else ()
    links = tuple(_links(market, _origins(free)))
    # Whose account it is that is named, only a person can tell.
    return Plan(market, there, tuple(parts), is_reviewed or bool(banks), links, banks)


def _nothing(market: Market, free: Iterable[Free[Lot]]) -> WithdrawalNotAvailable:
    """Who holds coins of a store is led to that store; whoever holds none has nothing to ask there."""
    origins = _origins(free)
    said = "nothing" if origins & set(IN_APP) else "given" if origins else "empty"
    return WithdrawalNotAvailable(reason="nothing", links=_links(market, origins), said=said)


def _origins(free: Iterable[Free[Lot]]) -> set[str]:
    return {one.lot.origin for one in free if one.micros >= MICROS}


def _links(market: Market, origins: set[str]) -> list[tuple[str, str]]:
    """Whichever surface asks: coins of one store may be held on a phone of the other."""
    stores = market.payment_methods.filter(in_app=True, code__in=origins).exclude(refund_url="")
    return [(row.code, row.refund_url) for row in stores]


def _wanted(account: Account, market: Market, coins: int | None, *, there: int, now: datetime) -> int:
    if coins is None:
        left = limits.outlook(account=account, market=market, flow=limits.Flow.WITHDRAWAL, now=now).left_coins
        return there if left is None else max(1, min(there, left))
    if not 0 < coins <= there:
        told = _("You can withdraw from 1 to %(coins)s.") % {"coins": format_coins(there)}
        raise Invalid([FieldError("coins", "invalid", told)])
    return coins


def quote(*, account: Account, surface: str, coins: int | None, now: datetime) -> Plan:
    """What a withdrawal would do now; nothing moves. Raises what `plan` and `market_for` raise."""
    market = market_for(account, surface)
    free = lots.free(account=account, now=now)
    return plan(account=account, market=market, surface=surface, free=free, coins=coins, now=now)


def withdrawable(*, account: Account, surface: str, now: datetime) -> dict[str, int]:
    """The coins by origin that a quote would offer here now; none where it would refuse. Limits are not looked at: they
    say how much at a time.
    """
    try:
        market = market_for(account, surface)
    except WithdrawalNotAvailable:
        return {}
    if debts.owed_micros(account.id):
        return {}
    coins: dict[str, int] = {}
    for part in _possible(market, _bought(lots.free(account=account, now=now)), now=now):
        coins[part.lot.origin] = coins.get(part.lot.origin, 0) + part.coins
    return coins


def _bought(free: Iterable[Free[Lot]]) -> list[Free[Lot]]:
    return [one for one in free if one.lot.withdrawable and one.micros >= MICROS]


def _possible(market: Market, free: list[Free[Lot]], *, now: datetime) -> list[Part]:
    """The lots whose payment can be paid back: by a provider that does it, within the method's window."""
    bought = {one.id: one for one in TopUp.objects.filter(id__in=[one.lot.top_up for one in free if one.lot.top_up])}
    rows = PaymentMethod.objects.filter(market__in={one.market_id for one in bought.values()} | {market.pk})
    methods = {(row.market_id, row.code): row for row in rows}
    left = clawbacks.left([one.lot for one in free])
    parts = []
    for one in sorted(free, key=lambda one: (one.lot.opened_at, one.lot.ledger_account_id)):
        top_up = bought.get(one.lot.top_up) if one.lot.top_up else None
        method = top_up and methods.get((top_up.market_id, top_up.method))
        if top_up and method and top_up.returnable_minor and _pays_back(top_up, method, now=now):
            # Coins may have come back to a lot whose payment has gone back since: no more than it has left.
            most = -(-top_up.coins * top_up.returnable_minor // top_up.amount_minor)
            coins = min(one.micros // MICROS, most, left[one.lot.id])
            if not coins:
                continue
            carrier = payout_accounts.carrier_of(top_up)
            parts.append(Part(one.lot, top_up, method, coins, top_up.returnable_minor, carrier))
    return _to_one_account(parts)


def _pays_back(top_up: TopUp, method: PaymentMethod, *, now: datetime) -> bool:
    if method.refund_to_days is None or not gateways.has_keys(top_up.gateway):
        return False
    carrier = payout_accounts.carrier_of(top_up)
    if not (payout_accounts.can_pay(carrier) if carrier else isinstance(gateways.named(top_up.gateway), PaysBack)):
        return False
    window = method.refund_window_days
    return window is None or (top_up.paid_at or top_up.started_at) + timedelta(days=window) > now


def _to_one_account(parts: list[Part]) -> list[Part]:
    """A withdrawal names one account: parts that go to one are all of one market, that of the oldest which has banks.
    Those of another, as somebody who moved may have, are for the next withdrawal.
    """
    paid_in = [part.top_up.market_id for part in parts if part.carrier]
    if not paid_in:
        return parts
    has_banks = set(PayoutBank.objects.filter(enabled=True, market__in=paid_in).values_list("market_id", flat=True))
    market_id = next((one for one in paid_in if one in has_banks), None)
    return [part for part in parts if not part.carrier or part.top_up.market_id == market_id]
