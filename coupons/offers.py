"""Giving offers to accounts: by our staff, or by a code that their owner types."""

from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Case, F, Sum, When
from django.db.models.functions import Upper
from django.utils.translation import gettext as _
from django.utils.translation import override

from coupons import campaigns
from coupons.models import Campaign, Offer, OfferKind, OfferStatus, OfferTransition, Terms
from coupons.redemption import OfferNotApplicable
from promote.accounts.models import Account, User
from promote.money import format_coins, micros_to_coins_floor
from promote.notifications import notify


def grant(
    *, campaign_id: UUID, account: Account, now: datetime, by: User | None = None, expires_at: datetime | None = None
) -> Offer:
    """Gives the account an offer of the campaign; `expires_at` where it is not the campaign's own rule.

    The campaign's money must cover every offer that it has out, so that each can really be used.
    Raises OfferNotApplicable (not_started, expired, campaign_exhausted, other_market).
    """
    with transaction.atomic():
        campaign = Campaign.objects.select_for_update(no_key=True).get(id=campaign_id)
        return _grant(campaign, account, by=by, by_code=False, expires_at=expires_at, now=now)


def redeem_code(*, account: Account, code: str, now: datetime) -> Offer:
    """Gives the account the offer behind a code, written in any case, once. Raises OfferNotApplicable."""
    with transaction.atomic():
        campaign = (
            Campaign.objects.select_for_update(no_key=True)
            .exclude(code="")
            .alias(code_upper=Upper("code"))
            .filter(code_upper=code.strip().upper())
            .first()
        )
        if campaign is None:
            raise OfferNotApplicable("unknown")
        if campaign.offers.filter(account=account, by_code=True).exists():
            raise OfferNotApplicable("already_redeemed")
        return _grant(campaign, account, by=account.user, by_code=True, expires_at=None, now=now)


def revoke(*, offer_id: UUID, by: User, now: datetime) -> None:
    """Takes an unused offer back. Raises WrongState for one in use, used or expired."""
    with transaction.atomic():
        Offer.objects.select_for_update(no_key=True).get(id=offer_id).move(
            to=OfferStatus.REVOKED, why="revoked", by=by, now=now
        )


def expire_due(*, now: datetime, limit: int = 500) -> int:
    """Marks available offers past their time. Returns how many."""
    with transaction.atomic():
        overdue = (
            Offer.objects.overdue(now).select_for_update(no_key=True, skip_locked=True).order_by("expires_at")[:limit]
        )
        for offer in overdue:
            offer.move(to=OfferStatus.EXPIRED, why="time", now=now)
        return len(overdue)


def wording(offer: Terms) -> str:
    """What an offer or campaign gives in a few words, in the language at hand."""
    if offer.kind == OfferKind.VOUCHER:
        return _("%(coins)s off") % {"coins": format_coins(offer.coins or 0)}
    return _("%(percent)s%% off, up to %(coins)s") % {
        "percent": offer.percent,
        "coins": format_coins(offer.cap_coins or 0),
    }


def _grant(
    campaign: Campaign, account: Account, *, by: User | None, by_code: bool, expires_at: datetime | None, now: datetime
) -> Offer:
    """Under the campaign's lock, so that its money and its number of offers are counted once."""
    if campaign.starts_at is not None and now < campaign.starts_at:
        raise OfferNotApplicable("not_started")
    if campaign.ends_at is not None and now >= campaign.ends_at:
        raise OfferNotApplicable("expired")
    if campaign.market_id is not None and campaign.market_id != account.country:
        raise OfferNotApplicable("other_market")
    if campaign.max_offers is not None and campaign.offers.count() >= campaign.max_offers:
        raise OfferNotApplicable("campaign_exhausted")
    if free_coins(campaign, now) < (campaign.coins or campaign.cap_coins or 0):
        raise OfferNotApplicable("campaign_exhausted")
    offer = Offer.objects.create(
        campaign=campaign,
        account=account,
        kind=campaign.kind,
        coins=campaign.coins,
        percent=campaign.percent,
        cap_coins=campaign.cap_coins,
        min_cost_coins=campaign.min_cost_coins,
        by_code=by_code,
        expires_at=expires_at or _expiry(campaign, now),
        granted_at=now,
    )
    OfferTransition.objects.create(
        offer=offer, to_status=offer.status, why="code" if by_code else "granted", by=by, at=now
    )
    with override(account.language or None):
        notify(
            account=account,
            kind="offer_granted",
            payload={"offer": wording(offer), "id": offer.public_id},
            now=now,
        )
    return offer


def free_coins(campaign: Campaign, now: datetime) -> int:
    """The campaign's coins that no available offer may still claim. Those in use are in their orders' escrows."""
    return free_coins_of([campaign], now)[campaign.id]


def free_coins_of(many: Collection[Campaign], now: datetime) -> dict[UUID, int]:
    """As `free_coins`, of many campaigns."""
    coins = Sum(Case(When(kind=OfferKind.VOUCHER, then=F("coins")), default=F("cap_coins")))
    usable = Offer.objects.filter(campaign__in=many).usable(now).order_by()
    promised = dict(usable.values_list("campaign_id").annotate(coins=coins).values_list("campaign_id", "coins"))
    balances = campaigns.balances_micros(many)
    return {one.id: micros_to_coins_floor(balances[one.id]) - (promised.get(one.id) or 0) for one in many}


def _expiry(campaign: Campaign, now: datetime) -> datetime | None:
    """The campaign's days from now, never past its end."""
    by_days = now + timedelta(days=campaign.offer_days) if campaign.offer_days is not None else None
    return min((at for at in (by_days, campaign.ends_at) if at is not None), default=None)
