"""Using an offer: what it takes off, when it may, and when it comes back."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from coupons.models import Offer, OfferKind, OfferStatus
from payments.escrow import CouponShare
from promote.accounts.models import Account
from promote.money import coins_to_micros, format_coins
from promote.refusals import Refusal, Text

REASONS: dict[str, Text] = {
    "unknown": _("There is no such offer or code. Check it, and type it again."),
    "not_yours": _("This offer was given to another account."),
    "expired": _("This offer has expired."),
    "not_started": _("This code can't be used yet."),
    "used": _("This offer was used already."),
    "in_use": _("This offer is in use by another of your orders."),
    "revoked": _("This offer was taken back."),
    "already_redeemed": _("You have redeemed this code already. Look at your offers."),
    "other_market": _("This offer is not for your country."),
    "campaign_exhausted": _("All coupons of this campaign are used up."),
    "order_too_small": _("The order must cost more than the coupon: {least} or more."),
}


class OfferNotApplicable(Refusal):
    """`reason` is one of REASONS, stable for clients."""

    code, status = "offer_not_applicable", 409
    title = _("This offer can't be used here")

    def __init__(self, reason: str, **names: object) -> None:
        self.reason = reason
        super().__init__(extra={"reason": reason}, **names)
        self.sentence = REASONS[reason]


def price(*, offer: Offer, cost_coins: int, now: datetime) -> int:
    """How many coins the offer takes off an order of `cost_coins`: at least 1, always fewer than it costs.

    Raises OfferNotApplicable. Source: DESIGN.md 2, Coupons.
    """
    status = offer.status_at(now)
    if status != OfferStatus.AVAILABLE:
        raise OfferNotApplicable(status.value)
    coupon_coins = _worth(offer, cost_coins)
    if coupon_coins < 1 or cost_coins <= coupon_coins or cost_coins < (offer.min_cost_coins or 0):
        raise OfferNotApplicable("order_too_small", least=format_coins(least_cost_coins(offer)))
    return coupon_coins


def least_cost_coins(offer: Offer) -> int:
    """The cheapest order that the offer can be used on."""
    if offer.kind == OfferKind.VOUCHER:
        least = (offer.coins or 0) + 1
    else:
        percent = offer.percent or 1
        # The share rounds down, so it first reaches a coin at 100 / percent; at 100 % only the cap leaves a rest.
        least = (offer.cap_coins or 0) + 1 if percent == 100 else -(-100 // percent)
    return max(least, offer.min_cost_coins or 0)


def worth_at_most_coins(offer: Offer) -> int:
    """What the offer may cost its campaign at the very most."""
    return (offer.coins if offer.kind == OfferKind.VOUCHER else offer.cap_coins) or 0


def _worth(offer: Offer, cost_coins: int) -> int:
    if offer.kind == OfferKind.VOUCHER:
        return offer.coins or 0
    return min(offer.cap_coins or 0, cost_coins * (offer.percent or 0) // 100)


def own(*, offer_id: UUID, account: Account) -> Offer:
    """The account's offer of this id. Raises OfferNotApplicable."""
    offer = Offer.objects.select_related("campaign").filter(id=offer_id).first()
    if offer is None:
        raise OfferNotApplicable("unknown")
    if offer.account_id != account.id:
        raise OfferNotApplicable("not_yours")
    return offer


def redeem(*, offer_id: UUID, account: Account, cost_coins: int, order_ref: str, now: datetime) -> CouponShare:
    """Takes the offer for one order, and says what comes from which campaign. It is spent before the user's coins.

    Locks the offer: of two orders at once one gets it. Raises OfferNotApplicable.
    """
    with transaction.atomic():
        own(offer_id=offer_id, account=account)
        offer = _locked(offer_id)
        coins = price(offer=offer, cost_coins=cost_coins, now=now)
        offer.move(to=OfferStatus.IN_USE, why="redeemed", order_ref=order_ref, now=now)
        return CouponShare(campaign_account_id=offer.campaign.ledger_account_id, micros=coins_to_micros(coins))


def finish(*, spent_anything: Mapping[UUID, bool], now: datetime) -> None:
    """The orders of these offers are settled: an offer is used up where anything was spent, else its owner's again, its
    expiry as it was. Where that expiry has passed meanwhile it comes back expired.
    """
    ways: defaultdict[tuple[OfferStatus, str], dict[UUID, str]] = defaultdict(dict)
    with transaction.atomic():
        locked = Offer.objects.select_for_update(no_key=True).filter(id__in=spent_anything).order_by("id")
        for id_, order_ref, expires_at in locked.values_list("id", "order_ref", "expires_at"):
            if spent_anything[id_]:
                ways[OfferStatus.USED, "spent"][id_] = order_ref
            elif expires_at is not None and expires_at <= now:
                ways[OfferStatus.EXPIRED, "returned_expired"][id_] = ""
            else:
                ways[OfferStatus.AVAILABLE, "returned"][id_] = ""
        for (to, why), refs in ways.items():
            Offer.move_all(refs, before=OfferStatus.IN_USE, to=to, why=why, now=now)


def _locked(offer_id: UUID) -> Offer:
    return Offer.objects.select_for_update(no_key=True, of=("self",)).select_related("campaign").get(id=offer_id)
