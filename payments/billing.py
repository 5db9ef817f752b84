"""Who sells and who buys, as documents name them."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import F

from payments import card_numbers
from payments.models import BillingDetails, Seller
from promote.accounts.models import Account
from promote.markets.models import Market


@dataclass(frozen=True, slots=True)
class Party:
    """A name and address as they stand on a document."""

    name: str
    address: str
    tax_id: str
    email: str

    def as_dict(self) -> dict[str, str]:
        return {"name": self.name, "address": self.address, "tax_id": self.tax_id, "email": self.email}


def seller(market: Market) -> Party:
    """The market's own seller, else the one of all others."""
    rows = Seller.objects.filter(market=market) | Seller.objects.filter(market=None)
    found = rows.order_by(F("market").asc(nulls_last=True)).first()
    return Party(found.name, found.address, found.tax_id, found.email) if found else Party("Promote", "", "", "")


def buyer(account: Account) -> Party:
    """As `buyers`, of one."""
    return buyers([account])[account.id]


def buyers(accounts: Collection[Account]) -> dict[UUID, Party]:
    """The advertisers' billing details; without them, the name that the account has on the platform."""
    parties = {account.id: Party(account.username, "", "", "") for account in accounts}
    for details in BillingDetails.objects.filter(account__in=parties):
        parties[details.account_id] = Party(details.name, details.address, details.tax_id, details.email)
    return parties


def put(*, account: Account, name: str, address: str, tax_id: str, email: str, now: datetime) -> BillingDetails:
    """Writes the account's billing details. Documents issued before keep theirs. Raises Invalid for a card number."""
    card_numbers.refuse({"name": name, "address": address, "email": email})
    facts = {"name": name, "address": address, "tax_id": tax_id, "email": email, "updated_at": now}
    details, _ = BillingDetails.objects.update_or_create(account=account, defaults=facts)
    return details
