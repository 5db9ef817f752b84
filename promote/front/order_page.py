"""An order with everything about it: its way, figures, money, verdict, and what its owner can do now."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _

from analytics import reports
from analytics.reports import Figures, Result
from delivery import charges
from delivery.charges import GoneBack
from orders import amendments
from orders.models import Order, Review, ReviewKind, ReviewStatus
from orders.states import OPEN, EndReason, Status
from payments.models import Invoice
from promote.catalogue.models import LiveRoom, LiveState
from promote.front import order_charts, order_steps, running, words
from promote.front.charts import Chart
from promote.front.parts import Point, Progress, Step
from promote.front.reach_form import OWN, UNITS, choices_of, durations_s
from promote.front.spans import grouped
from promote.markets.models import Term
from promote.refusals import Text


@dataclass(frozen=True, slots=True)
class Verdict:
    """A rejection as its owner reads it: the rule, the place, the words, the way out."""

    rule: str
    place: str
    reason: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Actions:
    """What its owner can do with it now."""

    change: bool
    cancel: bool
    end: bool
    appeal: bool
    place_again: bool
    repeat: str
    """The address of a form with the same choices, once it is over."""


@dataclass(frozen=True, slots=True)
class OrderPage:
    order: Order
    goal: words.Objective
    headline: str
    steps: list[Step]
    progress: Progress
    spent_micros: int
    left_micros: int
    gone_back: GoneBack | None
    """What was returned of its charges as invalid."""
    figures: Figures
    result: Result
    charts: list[Chart]
    verdict: Verdict | None
    appeal: Review | None
    actions: Actions
    invoice: Invoice | None
    audience: list[str]
    points: list[Point]
    """What ending it now would do."""

    @property
    def refund_after(self) -> timedelta | None:
        """How long after the end the rest was back."""
        order = self.order
        return order.refunded_at - order.ended_at if order.refunded_at and order.ended_at else None

    @property
    def is_live(self) -> bool:
        """Its figures may still move."""
        return not self.order.is_final


def order_page(order: Order, *, now: datetime) -> OrderPage:
    spent = running.spent_micros([order])[order.id]
    figures = reports.figures(order)
    reviews = list(order.reviews.all())
    return OrderPage(
        order=order,
        goal=words.OBJECTIVES[order.objective],
        headline=headline(order),
        steps=order_steps.of(order),
        progress=running.progress(order, spent, now=now),
        spent_micros=spent,
        left_micros=max(0, order.cost_micros - spent),
        gone_back=charges.gone_back([order.id]).get(order.id),
        figures=figures,
        result=reports.result(order, figures),
        charts=order_charts.of(order, now=now),
        verdict=_verdict(order, reviews),
        appeal=next((review for review in reversed(reviews) if review.kind == ReviewKind.APPEAL), None),
        actions=_actions(order, reviews, now=now),
        invoice=Invoice.objects.filter(order_ref=order.public_id).first() if order.is_final else None,
        audience=_audience(order),
        points=_points_of_ending(order),
    )


def _audience(order: Order) -> list[str]:
    """To whom it is shown, a line a part."""
    asked = order.audience
    if asked.get("automatic"):
        return [_("%(country)s: adults, found by us") % {"country": words.country(order.market_id)}]
    interests = dict(Term.objects.filter(kind=Term.Kind.INTEREST).values_list("code", "label"))
    named: dict[str, Mapping[str, Text]] = {
        "countries": words.COUNTRIES,
        "age_bands": {},
        "genders": words.GENDERS,
        "interests": interests,
    }
    return [
        ", ".join(str(names.get(code, code)) for code in asked[part])
        for part, names in named.items()
        if asked.get(part)
    ]


def headline(order: Order) -> str:
    """One sentence that says where it stands and what happens next."""
    match order.status:
        case Status.IN_REVIEW if order.starts_at is not None:
            return _("The video was changed, so we are looking at it again. Its clock stands still meanwhile.")
        case Status.IN_REVIEW:
            return _("Our reviewers look at it first. Nothing is spent until it runs.")
        case Status.SCHEDULED:
            return _("It starts by itself when you are on air.")
        case Status.DELIVERING:
            return _("It is being shown now.")
        case Status.PAUSED:
            return _("It is paused. Paused time does not count.")
        case Status.ENDING:
            return _("It has ended. The last views are being counted.")
        case _:
            return str(words.end_reason(order.end_reason, order.status))


def _verdict(order: Order, reviews: list[Review]) -> Verdict | None:
    rejected = [r for r in reviews if r.status == ReviewStatus.REJECTED and r.kind != ReviewKind.APPEAL]
    if order.end_reason != EndReason.REJECTED or not rejected:
        return None
    review = rejected[-1]
    term = Term.objects.filter(kind=Term.Kind.POLICY, code=review.policy).first()
    place = ""
    if review.place_start_s is not None and review.place_end_s is not None:
        place = f"{_clock(review.place_start_s)}–{_clock(review.place_end_s)}"
    return Verdict(term.label if term else review.policy, place, review.reason, review.remedy)


def _clock(seconds: int) -> str:
    return f"{seconds // 60}:{seconds % 60:02d}"


def _actions(order: Order, reviews: list[Review], *, now: datetime) -> Actions:
    appealed = [r for r in reviews if r.kind == ReviewKind.APPEAL and r.status != ReviewStatus.OVERDUE]
    was_placed_again = Order.objects.filter(placed_again_from=order).exists()
    is_open = order.status in OPEN
    return Actions(
        change=amendments.may_change(order),
        cancel=is_open and order.starts_at is None,
        end=is_open and order.starts_at is not None,
        appeal=order.end_reason == EndReason.REJECTED and not appealed,
        place_again=order.place_again_until is not None and now < order.place_again_until and not was_placed_again,
        repeat=repeat(order) if order.is_final else "",
    )


def _is_over(order: Order) -> bool:
    return isinstance(order.target, LiveRoom) and order.target.state == LiveState.ENDED


def repeat(order: Order, **changes: Any) -> str:
    """The address of the order form with this order's choices and these changes; nothing once the live is over."""
    if _is_over(order):
        return ""
    wanted = {name: changes.get(name, getattr(order, name)) for name in amendments.FIELDS}
    length_s = wanted.pop("duration_s")
    query: dict[str, object] = {"objective": order.objective, **choices_of(**wanted)}
    if order.cost_coins in order.market.packages_coins:
        query["budget"] = order.cost_coins
    else:
        query.update(budget=OWN, own_coins=order.cost_coins)
    if length_s in durations_s(order.market):
        query["duration"] = length_s
    else:
        unit = next((unit for unit in ("days", "hours") if length_s % UNITS[unit] == 0), "minutes")
        query.update(duration=OWN, own_length=length_s // UNITS[unit], own_unit=unit)
    address = reverse("pages:promote", args=[order.target.public_id])
    return f"{address}?{urlencode({k: v for k, v in query.items() if v}, doseq=True)}"


def _points_of_ending(order: Order) -> list[Point]:
    """What the dialog says will happen."""
    back = _("What isn't spent comes back to your balance within 15 minutes of the end.")
    if order.starts_at is None:
        return [
            Point("stop", _("It will not be shown.")),
            Point(
                "undo",
                _("All %(coins)s coins come back to your balance at once.") % {"coins": grouped(order.pay_coins)},
            ),
            *([Point("ticket", _("Your offer is yours again."))] if order.offer_id else []),
        ]
    return [
        Point("stop", _("The feed stops showing it within two seconds.")),
        Point("clock", _("What was shown in the last minute still counts.")),
        Point("undo", back),
    ]
