"""A document in words: an invoice's data as its reader sees it, in their language and their market's time zone."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.formats import date_format, number_format
from django.utils.functional import Promise
from django.utils.translation import get_language_bidi, gettext_lazy
from django.utils.translation import gettext as _

from payments.invoices import Amounts, totals
from payments.models import Invoice, InvoiceKind, Origin
from payments.models.lots import IN_APP
from promote.money import MICROS, format_price

_TAXES: dict[str, Promise] = {
    "VAT": gettext_lazy("VAT"),
    "GST": gettext_lazy("GST"),
    "consumption_tax": gettext_lazy("Consumption tax"),
    "sales_tax": gettext_lazy("Sales tax"),
    "service_tax": gettext_lazy("Service tax"),
}
_OBJECTIVES: dict[str, Promise] = {
    "video_views": gettext_lazy("Video views"),
    "website_visits": gettext_lazy("Website visits"),
    "followers": gettext_lazy("Followers"),
    "product_clicks": gettext_lazy("Product clicks"),
    "live_viewers": gettext_lazy("Live viewers"),
}
_STORES: dict[str, Promise] = {
    Origin.APPLE: gettext_lazy("Coins bought in the App Store"),
    Origin.GOOGLE: gettext_lazy("Coins bought on Google Play"),
}
_WAYS_BACK: dict[str, Promise] = {
    "withdrawal": gettext_lazy("Coins withdrawn"),
    "refund": gettext_lazy("Coins refunded"),
    "dispute": gettext_lazy("Coins of a payment that its payer disputed"),
}
_SOLD_BY: dict[str, Promise] = {
    Origin.APPLE: gettext_lazy("Sold and invoiced by Apple"),
    Origin.GOOGLE: gettext_lazy("Sold and invoiced by Google"),
}


def sheet(invoice: Invoice) -> dict[str, Any]:
    """All that the template sets, as text. Call with the reader's language active."""
    content = invoice.content
    zone = ZoneInfo(content["time_zone"])
    sums = totals(content["lines"]) or {invoice.currency: Amounts(0, 0)}
    taxed = any(amounts.tax_minor for amounts in sums.values())
    return {
        "language": invoice.language.split("-")[0],
        "right_to_left": get_language_bidi(),
        "title": _title(invoice.kind, taxed=taxed and bool(content["seller"]["tax_id"])),
        "number": invoice.number,
        "seller": _party(content["seller"]),
        "seller_label": _("From"),
        "buyer": _party(content["buyer"]),
        "buyer_label": _buyer_label(invoice.kind),
        "facts": list(_facts(invoice, zone)),
        "subject": _subject(invoice),
        "under_subject": _under_subject(invoice.content["about"], zone),
        "columns": _columns(taxed=taxed),
        "rows": [_row(line, content["exponents"], zone, taxed=taxed) for line in content["lines"]],
        "sums": [row for currency in sums for row in _sums(currency, invoice, sums[currency], alone=len(sums) == 1)],
        "note": _note(invoice),
        "page": _("Page"),
    }


def _title(kind: str, *, taxed: bool) -> str:
    if kind == InvoiceKind.RECEIPT:
        return _("Receipt")
    if kind == InvoiceKind.CREDIT_NOTE:
        return _("Credit note")
    return _("Tax invoice") if taxed else _("Invoice")


def _buyer_label(kind: str) -> str:
    if kind == InvoiceKind.RECEIPT:
        return _("Received from")
    return _("Paid back to") if kind == InvoiceKind.CREDIT_NOTE else _("Billed to")


def _party(party: Mapping[str, str]) -> dict[str, Any]:
    lines = [line.strip() for line in party["address"].splitlines() if line.strip()]
    if party["tax_id"]:
        lines.append(_("Tax number %s") % party["tax_id"])
    if party["email"]:
        lines.append(party["email"])
    if party.get("username") and party["username"] != party["name"]:
        lines.append(f"@{party['username']}")
    return {"name": isolated(party["name"]), "lines": [isolated(line) for line in lines]}


def isolated(text: str) -> str:
    """Text in its own direction, whatever stands around it: a Latin name in an Arabic document keeps its full stop."""
    return f"\u2068{text}\u2069" if get_language_bidi() else text


def _facts(invoice: Invoice, zone: ZoneInfo) -> Iterator[dict[str, str]]:
    about = invoice.content["about"]
    yield {"name": _("Number"), "value": invoice.number}
    yield {"name": _("Issued"), "value": _day(invoice.issued_at, zone)}
    if about.get("corrects"):
        yield {"name": _("Corrects"), "value": about["corrects"]}
        yield {"name": _("Dated"), "value": _day(datetime.fromisoformat(about["corrects_at"]), zone)}
    elif about.get("paid_at"):
        yield {"name": _("Paid"), "value": _day(datetime.fromisoformat(about["paid_at"]), zone)}
    if about.get("method"):
        yield {"name": _("Method"), "value": _label(about["method"])}


def _subject(invoice: Invoice) -> str:
    about = invoice.content["about"]
    if invoice.kind == InvoiceKind.RECEIPT:
        return _("Coins")
    if invoice.kind == InvoiceKind.CREDIT_NOTE:
        return _("Money that went back") if invoice.gross_minor > 0 else _("Money that came back to us")
    title = _("Promotion of “%s”") % isolated(about["title"]) if about.get("title") else _("Promotion")
    objective = _OBJECTIVES.get(about.get("objective", ""))
    return f"{title} · {objective}" if objective else title


def _under_subject(about: Mapping[str, Any], zone: ZoneInfo) -> str:
    """When it ran, and the id under which we know it."""
    parts = []
    if about.get("starts_at") and about.get("ended_at"):
        days = [_day(datetime.fromisoformat(about[name]), zone) for name in ("starts_at", "ended_at")]
        parts.append(days[0] if days[0] == days[1] else " – ".join(days))
    parts += [isolated(about[name]) for name in ("order", "top_up") if about.get(name)]
    return " · ".join(parts)


def _columns(*, taxed: bool) -> list[str]:
    names = [_("Description"), _("Coins")]
    return [*names, _("Net"), _("Tax"), _("Amount")] if taxed else [*names, _("Amount")]


def _row(line: Mapping[str, Any], exponents: Mapping[str, int], zone: ZoneInfo, *, taxed: bool) -> dict[str, Any]:
    coins = _coins(line["micros"])
    if "currency" not in line:
        free = line["what"] == "coupon" or line["origin"] == Origin.GRANT
        return {"text": _unpriced(line, zone), "coins": coins, "amounts": [], "instead": _("Free") if free else "–"}
    exponent = exponents[line["currency"]]
    net, tax = line["net_minor"], line["tax_minor"]
    shown = (net, tax, net + tax) if taxed else (net + tax,)
    amounts = [format_price(minor, line["currency"], exponent) for minor in shown]
    return {"text": [described(line, zone)], "coins": coins, "amounts": amounts, "instead": ""}


def described(line: Mapping[str, Any], zone: ZoneInfo) -> str:
    """What a priced line is, in words."""
    if line["what"] == "returned":
        return str(_WAYS_BACK[line["way"]])
    if "bought_at" not in line:
        return _("Coins for gifts and promotions")
    day = _day(datetime.fromisoformat(line["bought_at"]), zone)
    return _("Coins bought on %(day)s (%(method)s)") % {"method": _label(line["origin"]), "day": day}


def _unpriced(line: Mapping[str, Any], zone: ZoneInfo) -> list[str]:
    if line["what"] == "coupon":
        return [_("Coupon")]
    if line["origin"] in IN_APP:
        return [str(_STORES[line["origin"]]), str(_SOLD_BY[line["origin"]])]
    return [_("Coins given by us on %s") % _day(datetime.fromisoformat(line["bought_at"]), zone)]


def _sums(currency: str, invoice: Invoice, amounts: Amounts, *, alone: bool) -> Iterator[dict[str, Any]]:
    """Net, each tax rate with what it is of, and the total; the total alone where nothing is taxed."""
    exponent = invoice.content["exponents"][currency]
    rates: defaultdict[tuple[str, str], int] = defaultdict(int)
    for line in invoice.content["lines"]:
        if line.get("currency") == currency:
            rates[line["tax_name"], line["tax_percent"]] += line["tax_minor"]
    taxed = {rate: tax for rate, tax in rates.items() if Decimal(rate[1])}
    if taxed:
        yield {"name": _("Net"), "value": format_price(amounts.net_minor, currency, exponent), "strong": False}
    for (name, percent), tax in taxed.items():
        label = f"{_TAXES.get(name, name)} {_percent(percent)}"
        yield {"name": label, "value": format_price(tax, currency, exponent), "strong": False}
    total = _("Total") if alone else _("Total in %s") % currency
    yield {"name": total, "value": format_price(amounts.gross_minor, currency, exponent), "strong": True}


def _note(invoice: Invoice) -> str:
    lines = invoice.content["lines"]
    if invoice.kind == InvoiceKind.CREDIT_NOTE and invoice.order_ref:
        return _("Charges were found invalid. Their coins are in your balance again.")
    if invoice.kind == InvoiceKind.CREDIT_NOTE and invoice.gross_minor < 0:
        return _("The amount did not reach you and came back to us. Your coins are in your balance again.")
    if invoice.kind == InvoiceKind.CREDIT_NOTE:
        return _("This amount went back to the payment that it came from.")
    told = [_("Paid with coins; nothing is due. What the order did not spend is back in your balance.")]
    if invoice.kind == InvoiceKind.RECEIPT:
        told = [_("Paid in full. Your coins are in your balance.")]
    if any(line.get("origin") in IN_APP for line in lines):
        told.append(_("Coins bought in a store were sold by the store, which has invoiced them."))
    return " ".join(told)


def _label(method: str) -> str:
    return str(Origin(method).label) if method in Origin.values else method


def _day(at: datetime, zone: ZoneInfo) -> str:
    return date_format(at.astimezone(zone), "DATE_FORMAT")


def _percent(text: str) -> str:
    return f"{number_format(Decimal(text).normalize(), use_l10n=True)} %".replace("E+1", "0")


def _coins(micros: int) -> str:
    whole, part = divmod(micros, MICROS)
    if not part:
        return number_format(whole, force_grouping=True)
    return number_format(Decimal(micros) / MICROS, decimal_pos=2, force_grouping=True)
