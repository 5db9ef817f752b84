"""What the pages of this admin have in common."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from django.contrib import messages
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from orders.models import Order
from promote import look_only
from promote.accounts.models import User
from promote.look_only import pill
from promote.money import format_coins
from promote.refusals import Invalid, Refusal

SOON_S = 2 * 3600


class LookOnly(look_only.LookOnly):
    """Nobody adds, changes or deletes a row by hand: what happens to an order, its use cases do."""

    show_full_result_count = False
    list_per_page = 50


@contextmanager
def refusals_told(request: HttpRequest) -> Iterator[None]:
    """A use case that says no is a message on the next page."""
    try:
        yield
    except Invalid as refusal:
        for error in refusal.errors:
            messages.error(request, f"{error.field}: {error.detail}")
    except Refusal as refusal:
        messages.error(request, refusal.detail)


def staff(request: HttpRequest) -> User:
    """Who is at the desk. The admin site let nobody else in."""
    assert isinstance(request.user, User)
    return request.user


def cover(order: Order) -> str:
    """The small picture of a list's row."""
    return render_to_string("admin/orders/_cover.html", {"target": order.target})


def caption(order: Order) -> SafeString:
    return format_html('<span class="desk-caption">{}</span>', str(order.target))


def coins(amount: int | None) -> SafeString:
    return format_html('<span class="desk-amount">{}</span>', "–" if amount is None else format_coins(amount))


TONES = {
    "in_review": "warn",
    "scheduled": "accent",
    "delivering": "good",
    "paused": "warn",
    "ending": "accent",
    "rejected": "bad",
}


def status_pill(order: Order) -> SafeString:
    return pill(order.get_status_display(), TONES.get(order.status, ""))


def time_left(due_at: datetime, *, now: datetime) -> SafeString:
    """`3 h 12 min left`, louder as it gets less."""
    left_s = int((due_at - now).total_seconds())
    if left_s <= 0:
        return pill(_("overdue"), "bad")
    return pill(_("%(time)s left") % {"time": span(left_s)}, "warn" if left_s < SOON_S else "")


def span(seconds: float) -> str:
    """A length of time in its two largest parts: `2 d 4 h`, `3 min 20 s`, `0.8 s`."""
    if seconds < 10:
        return _("%(seconds)s s") % {"seconds": f"{seconds:.1f}".rstrip("0").rstrip(".")}
    minutes, rest_s = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [(days, _("d")), (hours, _("h")), (minutes, _("min")), (rest_s, _("s"))]
    first = next((place for place, (number, _unit) in enumerate(parts) if number), 3)
    return " ".join(f"{number} {unit}" for number, unit in parts[first : first + 2] if number)
