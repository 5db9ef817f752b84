"""What an advertiser may ask for: objective, budget, length, audience, link. Every wrong field is named at once."""

from dataclasses import dataclass

from django.utils.formats import number_format
from django.utils.translation import gettext_lazy as _

from orders import audience as audiences
from orders import links
from promote.accounts.models import Account
from promote.markets.models import Market, Term
from promote.money import format_coins
from promote.refusals import FieldError, Invalid

DAY_S = 86_400
WEBSITE_VISITS = "website_visits"


@dataclass(frozen=True, slots=True)
class Wish:
    """Checked: what it names exists and is within the market's limits."""

    objective: str
    budget_coins: int
    duration_s: int
    audience: audiences.Audience
    website_url: str
    call_to_action: str


def checked(
    *,
    account: Account,
    market: Market,
    function: str,
    objective: str,
    budget_coins: int,
    duration_s: int,
    audience: object,
    website_url: str | None,
    call_to_action: str | None,
) -> Wish:
    """The wish in its canonical form. Budget in coins, duration in seconds.

    Raises Invalid with one error a wrong field, each saying what to do. Source: DESIGN.md 2.
    """
    errors: list[FieldError] = []
    objective_errors = _objective(objective, market.objectives.get(function, []))
    errors += objective_errors
    duration_errors = _duration(duration_s, market)
    errors += duration_errors
    errors += _budget(budget_coins, 0 if duration_errors else duration_s, account, market)
    canonical: audiences.Audience = {}
    try:
        canonical = audiences.checked(audience, market=market)
    except audiences.BadAudience as wrong:
        errors += wrong.errors
    website = ""
    if not objective_errors:  # what a link is for depends on it
        website, link_errors = _website(objective, website_url or "", call_to_action or "")
        errors += link_errors
    if errors:
        raise Invalid(errors)
    return Wish(objective, budget_coins, duration_s, canonical, website, call_to_action or "")


def _objective(objective: str, possible: list[str]) -> list[FieldError]:
    if objective in possible:
        return []
    return [FieldError("objective", "not_possible", _("Choose one of: {known}.").format(known=", ".join(possible)))]


def _duration(duration_s: int, market: Market) -> list[FieldError]:
    if market.duration_min_s <= duration_s <= market.duration_max_s:
        return []
    code = "too_short" if duration_s < market.duration_min_s else "too_long"
    detail = _("Choose from {least} to {most} hours.").format(
        least=hours(market.duration_min_s), most=hours(market.duration_max_s)
    )
    return [FieldError("duration_hours", code, detail)]


def _budget(budget_coins: int, duration_s: int, account: Account, market: Market) -> list[FieldError]:
    """min ≤ budget × 24 ÷ max(24, hours) ≤ max, in whole numbers; and what one order may cost at most."""
    least, most = limits_coins(duration_s=duration_s, account=account, market=market)
    if least <= budget_coins <= most:
        return []
    code = "too_small" if budget_coins < least else "too_large"
    detail = _("For this length choose from {least} to {most}.").format(
        least=format_coins(least), most=format_coins(most)
    )
    return [FieldError("budget_coins", code, detail)]


def limits_coins(*, duration_s: int, account: Account, market: Market) -> tuple[int, int]:
    """The least and the most an order of this length may cost."""
    window_s = max(DAY_S, duration_s)
    least = -(-market.budget_min_per_day_coins * window_s // DAY_S)
    order_max = market.order_max_coins if account.order_max_coins is None else account.order_max_coins
    most = min(market.budget_max_per_day_coins * window_s // DAY_S, order_max)
    return least, most


def lengths_s(*, budget_coins: int, market: Market) -> tuple[int, int]:
    """The shortest and the longest that an order may run on this budget, where a day may have such a budget at all."""
    shortest = -(-budget_coins * DAY_S // market.budget_max_per_day_coins)
    longest = budget_coins * DAY_S // market.budget_min_per_day_coins
    within_a_day = shortest <= DAY_S
    return (
        market.duration_min_s if within_a_day else max(market.duration_min_s, shortest),
        min(market.duration_max_s, longest),
    )


def _website(objective: str, website_url: str, call_to_action: str) -> tuple[str, list[FieldError]]:
    """The address in its safe form; needed for website visits, and for nothing else."""
    errors: list[FieldError] = []
    if objective != WEBSITE_VISITS:
        for field, value in (("website_url", website_url), ("call_to_action", call_to_action)):
            if value:
                errors.append(
                    FieldError(field, "not_for_objective", _("Leave this out: it is for website visits only."))
                )
        return "", errors
    if not website_url:
        errors.append(FieldError("website_url", "required", _("Name the page that people should visit.")))
    else:
        try:
            website_url = links.checked(website_url)
        except links.BadLink as wrong:
            errors.append(FieldError("website_url", wrong.code, wrong.detail))
    known = list(Term.objects.filter(kind=Term.Kind.CALL_TO_ACTION).values_list("code", flat=True))
    if call_to_action not in known:
        code = "unknown" if call_to_action else "required"
        errors.append(FieldError("call_to_action", code, _("Choose one of: {known}.").format(known=", ".join(known))))
    return website_url, errors


def hours(seconds: int) -> str:
    """`24`, `0.05`: hours with up to two decimals, in the reader's way of writing numbers."""
    hundredths = round(seconds / 36)
    whole, part = divmod(hundredths, 100)
    return number_format(f"{whole}.{part:02d}".rstrip("0") if part else whole)
