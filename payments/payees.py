"""Which accounts get back what goes back, where a payment came from more than its provider's own means."""

from collections.abc import Iterable

from payments import gateways, providers
from payments.gateways.base import Payee, PaysAccounts
from payments.models import WithdrawalLeg
from payments.withdrawing import Part


def planned(part: Part) -> list[Payee]:
    """Whom this part of a plan would go to; nothing where it goes back as it came."""
    gateway = gateways.named(part.top_up.gateway)
    if not isinstance(gateway, PaysAccounts):
        return []
    return gateway.payees(providers.there(part.top_up), amount_minor=part.price_minor)


def of_legs(legs: Iterable[WithdrawalLeg]) -> dict[str, list[Payee]]:
    """By the leg's id, once it was asked for."""
    references: dict[str, list[str]] = {}
    for leg in legs:
        references.setdefault(leg.returned.gateway, []).append(leg.public_id)
    found: dict[str, list[Payee]] = {}
    for name, asked in references.items():
        gateway = gateways.named(name) if gateways.has_keys(name) else None
        if isinstance(gateway, PaysAccounts):
            found.update(gateway.paid_to(asked))
    return found
