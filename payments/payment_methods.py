"""How coins can be bought: a market's methods on the surface that asks, each with its packs. Source: DESIGN.md 2."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from payments import gateways, providers
from payments.gateways.base import OpensByMarket
from promote.accounts.models import Account
from promote.markets.models import CoinPack, Market, PaymentMethod

NOWHERE = _("Promote is not offered in your country yet, so there is nothing to buy coins for.")
IN_THE_APP = _(
    "In your country coins are bought in the app: open it on your phone, go to Promote, then Balance, then Get coins."
)
AWAY = _("The payment provider does not answer at the moment. Nothing is lost; try again in a few minutes.")
NOT_HERE = _("Coins can't be bought here at the moment. Coins that you already have can be used as always.")


@dataclass(frozen=True, slots=True)
class Offered:
    """A method that can be started here, and what it sells."""

    method: PaymentMethod
    packs: tuple[CoinPack, ...]
    is_live: bool
    """Whether real money moves."""


@dataclass(frozen=True, slots=True)
class Methods:
    """`hint` says where to go instead, where nothing is offered: `open_app`, `not_here`, `away` or `no_market`.

    `away` are methods that would be offered if their provider answered.
    """

    market: Market | None
    offered: tuple[Offered, ...]
    hint_code: str = ""
    hint: str | Promise = ""
    away: tuple[PaymentMethod, ...] = ()


def methods(*, account: Account, surface: str) -> Methods:
    """What `account` can buy coins with on `surface` (`ios`, `android`, `web`).

    Ops decides by rows (PaymentMethod, CoinPack); a method that no gateway here carries is left out.
    """
    market = Market.objects.filter(code=account.country).first()
    if market is None:
        return Methods(None, (), "no_market", NOWHERE)
    rows = [row for row in market.payment_methods.filter(enabled=True) if surface in row.surfaces]
    packs = list(market.coin_packs.filter(surface=surface))
    carried = [row for row in rows if gateways.carries(row.gateway, row.code) and _is_open(row)]
    paused = {name for name in {row.gateway for row in carried} if providers.pause_of(name)}
    away = tuple(row for row in carried if row.gateway in paused)
    offered = tuple(
        Offered(row, sold, gateways.named(row.gateway).is_live)
        for row in carried
        if row.gateway not in paused and (sold := tuple(pack for pack in packs if _fits(pack, row)))
    )
    if offered:
        return Methods(market, offered, away=away)
    if away:
        return Methods(market, (), "away", AWAY, away)
    in_app = market.payment_methods.filter(enabled=True, in_app=True).exists()
    if surface == "web" and in_app and not rows:
        return Methods(market, (), "open_app", IN_THE_APP)
    return Methods(market, (), "not_here", NOT_HERE)


def _is_open(method: PaymentMethod) -> bool:
    gateway = gateways.named(method.gateway)
    return not isinstance(gateway, OpensByMarket) or gateway.takes_in(method.market_id)


def _fits(pack: CoinPack, method: PaymentMethod) -> bool:
    if method.in_app and not pack.product_id:
        return False
    return (method.min_minor or 0) <= pack.price_minor and (
        method.max_minor is None or pack.price_minor <= method.max_minor
    )
