"""What the templates say often: an icon, a cover, a moment, an amount."""

from datetime import datetime, timedelta
from typing import Any

from django import template
from django.template.context import Context
from django.templatetags.static import static
from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from delivery.models import FoundReason
from promote import money
from promote.front import covers, spans, words

register = template.Library()
CURRENT = 'aria-current="page"'


@register.simple_tag
def icon(name: str, extra: str = "") -> SafeString:
    """An icon of the sprite, decorative: the word beside it says the same."""
    return format_html(
        '<svg class="icon icon-{} {}" aria-hidden="true" focusable="false"><use href="{}#{}"></use></svg>',
        name,
        extra,
        static("icons.svg"),
        name,
    )


@register.simple_tag
def cover(target: Any) -> SafeString:
    """The cover of a video or live room, drawn from its id."""
    return covers.draw(target.id.hex, target.title)


@register.simple_tag
def cover_of(seed: str, caption: str) -> SafeString:
    return covers.draw(seed, caption)


@register.simple_tag(takes_context=True)
def current(context: Context, *names: str) -> SafeString | str:
    """`aria-current` where the page shown is one of these."""
    match = getattr(context.get("request"), "resolver_match", None)
    here = match.url_name if match and match.namespace == "pages" else None
    return mark_safe(CURRENT) if here in names else ""  # noqa: S308 - ours


@register.filter
def moment(at: datetime | None, clock: str = "%H:%M") -> SafeString | str:
    """A time as people say it, with the exact one behind it: `today 14:05`. `clock`: `%H:%M:%S` where many come
    within a minute."""
    if at is None:
        return "–"
    local = timezone.localtime(at)
    exact = f"{date_format(local, 'DATE_FORMAT')} {local:%H:%M:%S} {local.tzname()}"
    return format_html(
        '<time datetime="{}" title="{}">{}</time>', at.isoformat(), exact, said(local, timezone.now(), clock)
    )


def said(local: datetime, now: datetime, clock: str = "%H:%M") -> str:
    clock = local.strftime(clock)
    days = (local.date() - timezone.localtime(now, local.tzinfo).date()).days
    if days == 0:
        return _("today %(time)s") % {"time": clock}
    if days == -1:
        return _("yesterday %(time)s") % {"time": clock}
    if days == 1:
        return _("tomorrow %(time)s") % {"time": clock}
    day = date_format(local, "j M" if abs(days) < 180 else "j M Y")
    return f"{day} {clock}"


@register.filter
def duration(seconds: float | timedelta | None) -> str:
    """`3 days`, `6 hours`, `3 minutes`: the two largest units, none of them zero."""
    if seconds is None:
        return "–"
    whole = seconds.total_seconds() if isinstance(seconds, timedelta) else seconds
    return spans.said(int(whole))


@register.filter
def number(value: float | None) -> str:
    return "–" if value is None else number_format(value, force_grouping=True)


@register.filter
def about(value: int) -> str:
    """A forecast's number with two digits that mean something: 1,934 is about 1,900."""
    step = 10 ** max(0, len(str(abs(value))) - 2)
    return number_format(round(value / step) * step, force_grouping=True)


@register.filter
def coins(value: int) -> str:
    return money.format_coins(value)


@register.filter
def micros(value: int | None) -> str:
    """Micros as coins: two decimals, and of what is below a coin two digits that say something (`0.0075`)."""
    if value is None:
        return "–"
    if not 0 < value < money.MICROS // 10:
        return money.format_micros(value)
    places = 2
    while value * 10**places < money.MICROS * 10 and places < 6:
        places += 1
    return number_format(f"{value / money.MICROS:.{places}f}")


@register.simple_tag
def price(amount_minor: int, currency: str, exponent: int) -> str:
    """`−US$4.95`: a minus stands before the sign, as wide as a plus."""
    amount = money.format_price(abs(amount_minor), currency, exponent)
    return f"−{amount}" if amount_minor < 0 else amount


@register.filter
def status(code: str) -> words.Pill:
    """An order's status as the pill shows it."""
    return words.STATUSES.get(code) or words.Pill(code, "info")


@register.filter
def offer_status(code: str) -> words.Pill:
    return words.OFFER_STATUSES.get(code) or words.Pill(code, "info")


@register.filter
def top_up_status(code: str) -> words.Pill:
    return words.TOP_UP_STATUSES.get(code) or words.Pill(code, "info")


@register.filter
def objective(code: str) -> words.Objective:
    return words.OBJECTIVES[code]


@register.filter
def country(code: str) -> str:
    return str(words.country(code))


@register.filter
def origin(code: str) -> str:
    """Where a lot's coins came from, as its owner would say it."""
    known = words.ORIGINS.get(code)
    return str(known) if known else _("Bought with %(method)s") % {"method": words.METHODS.get(code, code)}


@register.filter
def store(code: str) -> str:
    """The way to the store that refunds what was bought there."""
    return str(words.STORES.get(code, code))


@register.filter
def unbilled(code: str) -> str:
    """Why an impression costs nothing."""
    return str(words.UNBILLED.get(code, code))


@register.filter
def found_invalid(code: str) -> str:
    """Why charges went back."""
    return str(FoundReason(code).label) if code in FoundReason.values else code


@register.filter
def method(code: str) -> str:
    return str(words.METHODS.get(code, code))


@register.filter
def method_note(code: str) -> str:
    return str(words.METHOD_NOTES.get(code, ""))


@register.filter
def split(text: str) -> list[str]:
    return text.split()


@register.simple_tag
def swatch(token: str) -> SafeString:
    return format_html('<svg aria-hidden="true"><rect width="100%" height="100%" fill="var(--{})"></rect></svg>', token)


@register.filter
def minus(value: int) -> str:
    """A whole number with a real minus sign, which stands as wide as a plus."""
    return number_format(value, force_grouping=True).replace("-", "−")


@register.filter
def exact(value: int) -> str:
    """Micros as coins to the last digit, `0.002000`, so that they line up under each other."""
    whole, part = divmod(abs(value), money.MICROS)
    text = number_format(f"{whole}.{part:06d}", decimal_pos=6, force_grouping=True)
    return f"−{text}" if value < 0 else text
