"""An order's way as a timeline: what happened, from its history, and what comes next."""

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from orders.models import Order, OrderTransition
from orders.states import EndReason, Status
from promote.front import spans, words
from promote.front.parts import Step
from promote.front.spans import grouped
from promote.refusals import Text

NAMES: dict[str, tuple[Text, str]] = {
    "placed": (gettext_lazy("Placed"), "check"),
    "approved": (gettext_lazy("Approved"), "check"),
    "on_air": (gettext_lazy("On air"), "live"),
    "amended": (gettext_lazy("You changed it"), "check"),
    "changed": (gettext_lazy("The video was changed: in review again"), "clock"),
    "paused": (gettext_lazy("Paused"), "pause"),
    "resumed": (gettext_lazy("Going on"), "play"),
    "appealed": (gettext_lazy("You appealed"), "info"),
    "appeal_upheld": (gettext_lazy("Appeal upheld"), "check"),
    "appeal_refused": (gettext_lazy("Appeal refused"), "ban"),
    "appeal_overdue": (gettext_lazy("Appeal not looked at in time"), "clock"),
    "settled": (gettext_lazy("Settled"), "undo"),
}
HIDDEN = ("settlement_failed", "settlement_retried")


def of(order: Order) -> list[Step]:
    """`order.history` in its order, then the steps that its state still has before it."""
    history = [row for row in order.history.all() if row.why not in HIDDEN]
    steps = [_happened(order, row) for row in history]
    ahead = _ahead(order)
    if steps and not order.is_final:
        last = steps[-1]
        note = _placed_note(history[-1]) if history[-1].why == "placed" else last.note
        steps[-1] = Step(last.name, last.icon, "now", last.at, note)
    return steps + ahead


def _happened(order: Order, row: OrderTransition) -> Step:
    if row.why in EndReason.values:
        return _ended(order, row)
    name, icon = NAMES.get(row.why, (words.STATUSES[row.to_status].word, words.STATUSES[row.to_status].icon))
    if row.why == "settled" and order.refunded_coins is not None:
        return Step(_came_back(order.refunded_coins), icon, "done", row.at)
    if row.why == "approved" and row.to_status == Status.DELIVERING and row.from_status == Status.IN_REVIEW:
        return Step(_("Approved and running"), "play", "done", row.at)
    return Step(name, icon, "bad" if row.why == "appeal_refused" else "done", row.at)


def _placed_note(row: OrderTransition) -> str:
    match row.to_status:
        case Status.IN_REVIEW:
            return _("now in review")
        case Status.SCHEDULED:
            return _("waiting for the live to begin")
        case _:
            return _("running at once")


def _ended(order: Order, row: OrderTransition) -> Step:
    reason = words.end_reason(row.why, row.to_status)
    called_off = row.to_status in (Status.REJECTED, Status.CANCELLED)
    if called_off:
        pill = words.STATUSES[row.to_status]
        state = "bad" if row.to_status == Status.REJECTED else "done"
        note = (
            f"{reason} {_came_back(order.refunded_coins or 0)}."
            if row.why != "rejected"
            else _came_back(order.refunded_coins or 0)
        )
        return Step(pill.word, pill.icon, state, row.at, note)
    # The end itself may be earlier than when it was written down.
    return Step(_("Ended"), "stop", "bad" if row.why == "rejected" else "done", order.ended_at or row.at, reason)


def _came_back(coins: int) -> str:
    return ngettext("%(coins)s coin came back", "%(coins)s coins came back", coins) % {"coins": grouped(coins)}


def _ahead(order: Order) -> list[Step]:
    back = _("What isn't spent comes back to your balance")
    rest = Step(back, "undo", "next", None, _("within 15 minutes of the end"))
    match order.status:
        case Status.IN_REVIEW:
            return [Step(_("Runs once approved"), "play", "next", None, spans.said(order.duration_s)), rest]
        case Status.SCHEDULED:
            return [Step(_("Runs once you are on air"), "live", "next", None, spans.said(order.duration_s)), rest]
        case Status.DELIVERING:
            return [Step(_("Ends"), "stop", "next", order.ends_at), rest]
        case Status.PAUSED:
            return [Step(_("Goes on when it is resumed"), "play", "next"), rest]
        case Status.ENDING:
            return [Step(back, "undo", "next", None, _("usually within a minute"))]
        case _:
            return []
