"""Which tax a market has on a day: its rates are rows, each valid from a day to a day, else the market's own."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.db.models import Q

from promote.markets.models import Market


@dataclass(frozen=True, slots=True)
class Tax:
    """`percent` is what is added to a net price; prices of packs include it."""

    name: str
    percent: Decimal


def tax_of(market: Market, *, at: datetime) -> Tax:
    """The tax of the market's own day at that time."""
    day = at.astimezone(ZoneInfo(market.time_zone)).date()
    row = market.tax_rates.filter(Q(valid_to=None) | Q(valid_to__gte=day), valid_from__lte=day).first()
    return Tax(row.name, row.percent) if row else Tax(market.tax_name, market.tax_percent)
