from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from coupons import campaigns, offers
from coupons.models import Campaign, OfferKind
from promote import ids
from promote.accounts.models import Account
from promote.commands import JsonCommand

MOST_COINS = 1_000_000
MOST_DAYS = 3_650


class Command(JsonCommand):
    help = "Grants a voucher to an account, from a campaign of its own. For development only."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("account", metavar="ACCOUNT", help="the platform's external_id")
        parser.add_argument("--coins", type=int, required=True, help="what the voucher takes off")
        parser.add_argument("--days", type=int, help="how long it holds; for good where left out")

    def work(self, *args: Any, account: str, coins: int, days: int | None, **options: Any) -> dict[str, Any]:
        if settings.PROMOTE_ENV != "development":
            raise CommandError("grant_offer is for development only; in production offers are granted in the admin.")
        if not 1 <= coins <= MOST_COINS:
            raise CommandError(f"--coins is a whole number from 1 to {MOST_COINS:,}.")
        if days is not None and not 1 <= days <= MOST_DAYS:
            raise CommandError(f"--days is a whole number from 1 to {MOST_DAYS:,}.")
        owner = Account.objects.filter(external_id=account).first()
        if owner is None:
            raise CommandError(f"There is no account {account}.")
        now = timezone.now()
        campaign = _campaign(coins)
        campaigns.fund(campaign_id=campaign.id, coins=coins, key=ids.new().hex, by=None, now=now)
        expires_at = now + timedelta(days=days) if days is not None else None
        offer = offers.grant(campaign_id=campaign.id, account=owner, expires_at=expires_at, now=now)
        return {
            "offer": offer.public_id,
            "account": owner.external_id,
            "coins": offer.coins,
            "expires_at": expires_at.isoformat() if expires_at else None,
        }


def _campaign(coins: int) -> Campaign:
    """Vouchers of this size, made by this command: found again, so that the admin's list stays short."""
    name = f"grant_offer {coins}"
    found = Campaign.objects.filter(name=name).first()
    return found or campaigns.open_campaign(name=name, kind=OfferKind.VOUCHER, coins=coins, by=None, now=timezone.now())
