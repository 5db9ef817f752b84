"""The books of a currency, as tests ask them."""

from typing import Any

from payments import checkpoints, crediting, currencies, ledger, tax
from payments.models import Lot, TopUp, TopUpStatus
from promote.accounts.models import Account
from promote.markets.models import Market
from tests.builders import NOON, a_number


def book(code: str, currency: str = "USD") -> int:
    """What stands on a named account: above zero is owed by us, below zero is owed to us or is ours."""
    return checkpoints.balance(ledger.platform(code, ledger=currencies.ledger_of(currency)))


def books(*codes: str, currency: str = "USD") -> list[int]:
    return [book(code, currency) for code in codes]


def a_paid_top_up(
    account: Account, coins: int, *, amount_minor: int | None = None, method: str = "card", **facts: Any
) -> TopUp:
    """A payment that was credited: of the account's market, its tax included."""
    market = Market.objects.get(code=account.country)
    amount = amount_minor if amount_minor is not None else coins
    facts = {"payment_ref": f"pi_{a_number()}", "gateway": "stripe", "tax_percent": market.tax_percent, **facts}
    top_up = TopUp.objects.create(
        account=account,
        key=f"key-{a_number()}",
        market=market,
        method=method,
        surface="web",
        coins=coins,
        amount_minor=amount,
        currency=market.currency,
        exponent=market.exponent,
        tax_name=market.tax_name,
        tax_minor=tax.within(amount, facts["tax_percent"]),
        status=TopUpStatus.PAID,
        started_at=NOON,
        expires_at=NOON,
        paid_at=facts.pop("paid_at", NOON),
        **facts,
    )
    crediting.credit(top_up, now=top_up.paid_at or NOON)
    return top_up


def lot_of(top_up: TopUp) -> Lot:
    return Lot.objects.get(top_up=top_up.id)
