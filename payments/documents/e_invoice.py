"""The electronic invoice within the PDF: Factur-X (CII), profile EN 16931, where a market's documents carry one.

Only an invoice with tax rows has one: a receipt tells of a payment before anything was supplied, and the supply is
invoiced once. The factur-x package writes and checks the XML against the profile's schema, and puts it into the PDF.
Source: DESIGN.md 2 (invoices), EN 16931-1 (terms BT-…, groups BG-…), payments.md 5.4.
"""

import re
from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

# facturx is imported where a PDF is made: it brings a fifth of all that a process of ours loads at its start.
from django.utils.translation import gettext as _

from payments.documents.sheet import described
from payments.gateways.amounts import to_decimal
from payments.invoices import totals
from payments.models import Invoice, InvoiceKind

PROFILE = "en16931"
_INVOICE, _PIECE, _STANDARD, _ZERO = "380", "C62", "S", "Z"
"""Codes: document type (UNTDID 1001), unit (UN/ECE 20), VAT category (UNTDID 5305)."""

_NOT_IN_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""XML has no way to write these."""


def embedded(invoice: Invoice, pdf: bytes) -> bytes:
    """The PDF with the invoice's XML in it; as it is where it carries none. Call with the reader's language active."""
    if not carries(invoice):
        return pdf
    import facturx  # type: ignore[import-untyped]

    seller = invoice.content["seller"]["name"]
    metadata = {
        "author": seller,
        "title": invoice.number,
        "subject": f"{seller} {invoice.number}",
        "keywords": "Factur-X",
    }
    made: bytes = facturx.generate_from_binary(
        pdf,
        xml(invoice),
        flavor="factur-x",
        level=PROFILE,
        pdf_metadata=metadata,
        lang=invoice.language,
        afrelationship="alternative",
    )
    return made


def carries(invoice: Invoice) -> bool:
    """Whether it can: tax rows in one currency, of a seller with a tax number."""
    content = invoice.content
    sums = totals(content["lines"])
    return (
        content.get("e_invoice") == "factur-x"
        and invoice.kind == InvoiceKind.INVOICE
        and list(sums) == [invoice.currency]
        and sums[invoice.currency].tax_minor > 0
        and bool(content["seller"]["tax_id"])
    )


def xml(invoice: Invoice) -> bytes:
    """The invoice as CII, checked against the profile's schema. Raises Exception where it does not fit: a bug."""
    import facturx

    content, currency = invoice.content, invoice.currency
    zone = ZoneInfo(content["time_zone"])
    priced = [line for line in content["lines"] if "currency" in line]
    sums = totals(priced)[currency]
    about = content["about"]
    facts: dict[str, Any] = {
        "BT-1": invoice.number,
        "BT-2": invoice.issued_at.astimezone(zone).date(),
        "BT-3": _INVOICE,
        "BT-5": currency,
        "BT-20": _("Paid with coins; nothing is due."),
        "BG-1": [{"BT-22": f"{_('Promotion')} {about['order']}"}],
        "BG-4": _party(content["seller"], country=invoice.market_id),
        "BG-7": _party(content["buyer"], country=content["buyer"]["country"]),
        "BG-23": _taxes(priced, currency),
        "BG-25": [_line(place, line, currency, zone) for place, line in enumerate(priced, 1)],
        "BT-72": _supplied_at(invoice).astimezone(zone).date(),
        "BT-106": to_decimal(sums.net_minor, currency),
        "BT-109": to_decimal(sums.net_minor, currency),
        "BT-110": to_decimal(sums.tax_minor, currency),
        "BT-112": to_decimal(sums.gross_minor, currency),
        "BT-113": to_decimal(sums.gross_minor, currency),
        "BT-115": to_decimal(0, currency),
    }
    made: bytes = facturx.generate_cii_xml(facts, level=PROFILE, check_schematron=False)
    return made


def _supplied_at(invoice: Invoice) -> datetime:
    """The end of the promotion."""
    ended_at = invoice.content["about"].get("ended_at")
    return datetime.fromisoformat(ended_at) if ended_at else invoice.issued_at


def _line(place: int, line: Mapping[str, Any], currency: str, zone: ZoneInfo) -> dict[str, Any]:
    net = to_decimal(line["net_minor"], currency)
    return {
        "BT-126": str(place),
        "BT-129": "1",
        "BT-130": _PIECE,
        "BT-131": net,
        "BT-146": net,
        "BT-151": _category(line),
        "BT-152": line["tax_percent"],
        "BT-153": described(line, zone)[:256],
    }


def _taxes(lines: list[dict[str, Any]], currency: str) -> list[dict[str, Any]]:
    nets: defaultdict[tuple[str, str], int] = defaultdict(int)
    taxes: defaultdict[tuple[str, str], int] = defaultdict(int)
    for line in lines:
        rate = (_category(line), line["tax_percent"])
        nets[rate] += line["net_minor"]
        taxes[rate] += line["tax_minor"]
    return [
        {
            "BT-116": to_decimal(nets[rate], currency),
            "BT-117": to_decimal(taxes[rate], currency),
            "BT-118": rate[0],
            "BT-119": rate[1],
        }
        for rate in nets
    ]


def _category(line: Mapping[str, Any]) -> str:
    return _STANDARD if Decimal(line["tax_percent"]) else _ZERO


def _party(party: Mapping[str, str], *, country: str) -> dict[str, Any]:
    """A tax number that begins with letters is a VAT identifier, whose letters say its country."""
    number = "".join(party["tax_id"].split())
    lines = [line.strip() for line in _NOT_IN_XML.sub("", party["address"]).splitlines() if line.strip()]
    found: dict[str, Any] = {"name": _NOT_IN_XML.sub("", party["name"]), "country_code": country}
    found.update(zip(("addr_l1", "addr_l2", "addr_l3"), [*lines[:2], ", ".join(lines[2:])], strict=False))
    if number:
        found["vat_identifier" if number[:2].isalpha() else "tax_identifier"] = number
    return {name: value for name, value in found.items() if value}
