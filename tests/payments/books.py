"""The books of a currency, as tests ask them."""

from typing import Any

from payments import checkpoints, currencies, ledger, tax, top_up_ends
from payments.gateways.base import Fetched, PaymentState
from payments.models import Lot, TopUp
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
    facts = {"gateway": "stripe", "tax_percent": market.tax_percent, **facts}
    paid_at, payment_ref = facts.pop("paid_at", NOON), facts.pop("payment_ref", f"pi_{a_number()}")
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
        started_at=NOON,
        expires_at=NOON,
        **facts,
    )
    answer = Fetched(
        PaymentState.PAID, top_up.amount_minor, top_up.currency, top_up.reference, payment_ref, is_live=False
    )
    return top_up_ends.settle(top_up=top_up, fetched=answer, ref=top_up.provider_ref, why="asked", now=paid_at)


def lot_of(top_up: TopUp) -> Lot:
    return Lot.objects.get(top_up=top_up.id)
