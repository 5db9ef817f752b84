"""Which accounts get back what goes back, where it does not simply go back as it was paid."""

from collections.abc import Iterable

from payments import gateways, providers
from payments.gateways.base import Payee, PaysAccounts
from payments.models import WithdrawalLeg
from payments.withdrawing import Part


def planned(part: Part) -> list[Payee]:
    """Whom this part of a plan would go to; nothing where it goes back as it came."""
    gateway = gateways.named(part.top_up.gateway)
    if part.carrier or not isinstance(gateway, PaysAccounts):
        return []
    return gateway.payees(providers.there(part.top_up), amount_minor=part.price_minor)


def of_legs(legs: Iterable[WithdrawalLeg]) -> dict[str, list[Payee]]:
    """By the leg's id: the account that was named for it, else once it was asked for."""
    references: dict[str, list[str]] = {}
    found: dict[str, list[Payee]] = {}
    for leg in legs:
        if leg.payout_account is not None:
            found[leg.public_id] = [Payee(str(leg.payout_account), leg.returned.amount_minor)]
            continue
        references.setdefault(leg.returned.gateway, []).append(leg.public_id)
    for name, asked in references.items():
        gateway = gateways.named(name) if gateways.has_keys(name) else None
        if isinstance(gateway, PaysAccounts):
            found.update(gateway.paid_to(asked))
    return found
