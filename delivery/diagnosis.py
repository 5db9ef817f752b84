"""Why is my order slow? The last hour's chances, where they went, and what would help, in words."""

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext_lazy as _

from delivery import funnels, hot, learning, results, traffic
from delivery.engine.vocabulary import SURFACES, SURFACES_OF_FUNCTION
from orders.models import Order, Status
from promote.refusals import Text

MINUTES = 60
YOUNG_MINUTES = 5
"""Of fewer nothing can be said yet."""
ON_PLAN = 0.9
"""Of the plan, from which on an order is not slow."""
MOST = 0.5

NOT_RUNNING: dict[str, Text] = {
    Status.IN_REVIEW: _("It is being looked at by our reviewers. It is shown once they have approved it."),
    Status.SCHEDULED: _("It starts when you are on air."),
    Status.PAUSED: _("It is paused. Resume it, and it is shown again."),
    Status.ENDING: _("It has ended. The last views are being counted."),
    Status.SETTLED: _("It has ended, and what was not spent is back in your balance."),
    Status.REJECTED: _("It was rejected in review, so it is not shown."),
    Status.CANCELLED: _("It was cancelled, so it is not shown."),
}
SENTENCES: dict[str, Text] = {
    "on_plan": _("It spends as planned: evenly until its end. There is nothing to do."),
    "no_viewers": _("In the last hour nobody in the countries you chose opened a place where it can be shown."),
    "narrow": _("Few of the people who were there fit your audience. Widen it by ages, genders or interests."),
    "outbid": _("Most chances went to others who offered more. A larger budget or a shorter time lets it offer more."),
    "capped": _("Most people who fit have seen it as often as we show one video a day. Widen the audience."),
    "paced": _("It waits for cheaper chances, to make the budget last until its end. It speeds up when it is behind."),
    "few": _("It takes most of the chances there are, but there are few. Widen the audience, and there are more."),
    "several": _(
        "It is behind its plan for several reasons, none of which explains most of it. It speeds up by itself."
    ),
    "starting": _("It has only just begun. Look again in a few minutes."),
}

CHANCES: dict[str, Text] = {"considered": _("Somebody was there"), "targeted": _("and fits the audience")}
"""How often in the last hour, in the funnel's order."""
FATES: dict[str, Text] = {
    "shown": _("Shown"),
    "outbid": _("Went to a higher offer"),
    "paced": _("Left for cheaper ones"),
    "capped": _("Had seen it often enough"),
}
"""What became of those that fit."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """`funnel`: in the last hour, while it ran, how often somebody it could be shown to was there, and where those
    chances went."""

    funnel: dict[str, int]
    spent_micros: int
    planned_micros: int
    advice: list[tuple[str, Text]]
    """A stable code each, and the sentence."""


def of(order: Order, *, now: datetime) -> Diagnosis:
    client, minutes = hot.client(), _minutes(order, now)
    countries = order.audience.get("countries") or [order.market_id]
    surfaces = [SURFACES.index(name) for name in SURFACES_OF_FUNCTION[order.function]]
    there = traffic.last_hour(client=client, countries=countries, surfaces=surfaces, minutes=minutes)
    stages = funnels.read(client, order=order.id, shard=order.shard, minutes=minutes)
    funnel = {"considered": max(there, stages["targeted"]), **stages}
    spent, planned = results.spent_micros(results.of([order.id]))[order.id], _planned(order, now)
    advice = _advice(order, funnel, spent, planned, is_young=len(minutes) < YOUNG_MINUTES)
    return Diagnosis(funnel, spent, planned, [(code, _sentence(order, code)) for code in advice])


def _minutes(order: Order, now: datetime) -> range:
    """Those of the last hour (since 1970) in which it ran from beginning to end: nobody who was there before then was
    a chance that it missed."""
    last = int(now.timestamp() // 60)
    began = order.history.filter(to_status=Status.DELIVERING).exclude(from_status=Status.DELIVERING).last()
    at = began.at if began else order.starts_at
    return range(max(last - MINUTES + 1, -int(-at.timestamp() // 60) if at else 0), last + 1)


def _planned(order: Order, now: datetime) -> int:
    """What an even spend would have come to by now, along the market's curve of traffic. Its end moves by as long as
    its clock stands still: so the way there is counted back from the end."""
    if order.starts_at is None or order.ends_at is None:
        return 0
    curve = learning.traffic_curve(market=order.market, now=now)
    end = order.ends_at.timestamp()
    start = end - order.duration_s
    return int(order.cost_micros * curve.mass(start, min(now.timestamp(), end)) / curve.mass(start, end))


def _advice(order: Order, funnel: dict[str, int], spent: int, planned: int, *, is_young: bool) -> list[str]:
    if order.status != Status.DELIVERING:
        return [order.status]
    if spent >= ON_PLAN * planned > 0:
        return ["on_plan"]
    if is_young:
        return ["starting"]
    if not funnel["considered"]:
        return ["no_viewers"]
    advice = ["narrow"] if funnel["targeted"] < 0.1 * funnel["considered"] else []
    advice += [name for name in ("outbid", "capped", "paced") if funnel[name] > MOST * max(1, funnel["targeted"])]
    if advice:
        return advice
    return ["few"] if funnel["shown"] > MOST * funnel["targeted"] else ["several"]


def _sentence(order: Order, code: str) -> Text:
    return SENTENCES.get(code) or NOT_RUNNING[code]
