"""Quotes: a price for a wish, sealed, to be placed within ten minutes as it stands."""

import json
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from coupons import redemption
from orders import wishes
from orders.audience import Audience
from promote import ids
from promote.accounts.models import Account
from promote.catalogue.targets import Target, TargetNotFound
from promote.eligibility import Caller, NotEligible, assess
from promote.keys import keyring
from promote.markets.models import Market
from promote.refusals import Refusal

PURPOSE = "quotes"


class QuoteInvalid(Refusal):
    code, status = "quote_invalid", 400
    title = _("This is not a quote")
    sentence = _("This quote is not one of ours, or not for this account. Ask for a new price.")


class QuoteExpired(Refusal):
    code, status = "quote_expired", 409
    title = _("This price has expired")
    sentence = _("This price has expired. Ask for a new one; nothing was taken.")


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything about an order that was priced. Coins are whole; the duration is in seconds."""

    id: UUID
    account_id: UUID
    market: str
    target: str
    function: str
    objective: str
    duration_s: int
    audience: Audience
    website_url: str
    call_to_action: str
    cost_coins: int
    coupon_coins: int
    offer_id: UUID | None
    expires_at: datetime

    @property
    def pay_coins(self) -> int:
        return self.cost_coins - self.coupon_coins


@dataclass(frozen=True, slots=True)
class Quote:
    """A plan with its seal: what a client gets, and gives back to place the order."""

    plan: Plan
    sealed: str


def make(
    *,
    account: Account,
    caller: Caller,
    target: Target,
    objective: str,
    budget_coins: int,
    duration_s: int,
    audience: object,
    website_url: str | None = None,
    call_to_action: str | None = None,
    offer_id: UUID | None = None,
    now: datetime,
) -> Quote:
    """Prices a wish. Nothing is held yet; the price stands for QUOTE_LIFE_S seconds.

    Raises TargetNotFound, NotEligible, Invalid (every wrong field), OfferNotApplicable. Source: DESIGN.md 2.
    """
    check_owned(account=account, target=target)
    eligibility = assess(account=account, target=target, caller=caller, now=now)
    if not eligibility.eligible:
        raise NotEligible(eligibility)
    market = Market.objects.get(code=account.country)
    wish = wishes.checked(
        account=account,
        market=market,
        function=eligibility.function,
        objective=objective,
        budget_coins=budget_coins,
        duration_s=duration_s,
        audience=audience,
        website_url=website_url,
        call_to_action=call_to_action,
    )
    coupon_coins = 0
    if offer_id is not None:
        offer = redemption.own(offer_id=offer_id, account=account)
        coupon_coins = redemption.price(offer=offer, cost_coins=wish.budget_coins, now=now)
    plan = Plan(
        id=ids.new(),
        account_id=account.id,
        market=market.code,
        target=target.public_id,
        function=eligibility.function,
        objective=wish.objective,
        duration_s=wish.duration_s,
        audience=wish.audience,
        website_url=wish.website_url,
        call_to_action=wish.call_to_action,
        cost_coins=wish.budget_coins,
        coupon_coins=coupon_coins,
        offer_id=offer_id,
        expires_at=now + timedelta(seconds=settings.QUOTE_LIFE_S),
    )
    return Quote(plan, seal(plan))


def check_owned(*, account: Account, target: Target) -> None:
    """Another's target does not exist for this account, unless it was its own once: then eligibility says why not.

    Raises TargetNotFound.
    """
    if account.id not in (target.account_id, *target.former_account_ids):
        raise TargetNotFound


def seal(plan: Plan) -> str:
    facts = asdict(plan)
    facts["expires_at"] = plan.expires_at.isoformat()
    for name in ("id", "account_id", "offer_id"):
        facts[name] = facts[name].hex if facts[name] is not None else None
    return keyring.seal(PURPOSE, json.dumps(facts, separators=(",", ":")).encode())


def read(sealed: str, *, account: Account) -> Plan:
    """The plan in a quote of this account, expired or not. Raises QuoteInvalid."""
    try:
        facts: dict[str, Any] = json.loads(keyring.unseal(PURPOSE, sealed))
        plan = Plan(
            **{
                **facts,
                "id": UUID(facts["id"]),
                "account_id": UUID(facts["account_id"]),
                "offer_id": UUID(facts["offer_id"]) if facts["offer_id"] else None,
                "expires_at": datetime.fromisoformat(facts["expires_at"]),
            }
        )
    except (keyring.SealBroken, KeyError, TypeError):  # the latter two: sealed by another release
        raise QuoteInvalid from None
    if plan.account_id != account.id:
        raise QuoteInvalid
    return plan
