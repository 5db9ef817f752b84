"""Campaigns: opening one with an account of its own, and putting coins into it."""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from coupons.models import Campaign
from payments import ledger
from payments.ledger import Movement
from payments.models import AccountKind, Guard
from promote import ids
from promote.accounts.models import User
from promote.money import coins_to_micros
from promote.refusals import FieldError, Invalid

FUND_MOST_COINS = 1_000_000_000


def open_campaign(*, by: User | None, now: datetime, **facts: Any) -> Campaign:
    """A campaign of these facts (see its model), its ledger account empty: it grants nothing until it is funded."""
    with transaction.atomic():
        campaign_id = ids.new()
        account_id = ledger.open_account(
            kind=AccountKind.CAMPAIGN, guard=Guard.CREDIT, owner=campaign_id, code=f"campaign:{campaign_id.hex}"
        )
        return Campaign.objects.create(
            id=campaign_id, ledger_account_id=account_id, created_at=now, created_by=by, **facts
        )


def fund(*, campaign_id: UUID, coins: int, key: str, by: User | None, now: datetime) -> None:
    """Moves coins from the platform's coupon expense into the campaign, once per key. Raises Invalid."""
    if not 0 < coins <= FUND_MOST_COINS:
        raise Invalid([FieldError("coins", "out_of_range", _("From 1 to 1,000,000,000 coins."))])
    with transaction.atomic():
        campaign = Campaign.objects.select_for_update(no_key=True).get(id=campaign_id)
        expense = ledger.platform("coupon_expense")
        ledger.post(
            kind="campaign_fund",
            key=f"campaign:{campaign.id.hex}:fund:{key}",
            movements=[Movement(expense, campaign.ledger_account_id, coins_to_micros(coins))],
            ref=str(by.pk) if by else "",
            now=now,
        )


def balance_micros(campaign: Campaign) -> int:
    """What is left to give; what is in orders' escrows is no longer here."""
    return balances_micros([campaign])[campaign.id]


def balances_micros(campaigns: Collection[Campaign]) -> dict[UUID, int]:
    """As `balance_micros`, of many."""
    balances = ledger.balances([campaign.ledger_account_id for campaign in campaigns])
    return {campaign.id: balances[campaign.ledger_account_id] for campaign in campaigns}
