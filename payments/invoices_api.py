"""REST of invoices and receipts, as data and as PDF. Source: api.md."""

from collections.abc import Iterable
from typing import Any

from django.http import HttpResponse, HttpResponseNotModified, StreamingHttpResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from payments import documents, invoices
from payments.documents import year as documents_of_year
from payments.models import Invoice, InvoiceKind
from promote import ids
from promote.accounts.models import Account
from promote.money import MICROS, Price
from promote.refusals import FieldError, Invalid
from promote.rest import account_of, page, page_of
from promote.rest.views import Door

KINDS = {
    "invoice": (InvoiceKind.INVOICE, InvoiceKind.CREDIT_NOTE),
    "receipt": (InvoiceKind.RECEIPT,),
    "all": tuple(InvoiceKind),
}


class MoneyOut(serializers.Serializer[Any]):
    amount_minor = serializers.IntegerField()
    currency = serializers.CharField()


class LineOut(serializers.Serializer[Any]):
    what = serializers.ChoiceField(["coins", "coupon", "returned"])
    origin = serializers.CharField(allow_null=True, help_text=_("Where the coins came from; null for a coupon."))
    coins = serializers.IntegerField()
    micros = serializers.IntegerField()
    net = MoneyOut(allow_null=True, help_text=_("Null where we did not sell the coins."))
    tax = MoneyOut(allow_null=True)
    gross = MoneyOut(allow_null=True)


class InvoiceOut(serializers.Serializer[Any]):
    id = serializers.CharField()
    kind = serializers.ChoiceField(InvoiceKind.values)
    number = serializers.CharField()
    issued_at = serializers.DateTimeField()
    order = serializers.CharField(allow_null=True)
    top_up = serializers.CharField(allow_null=True)
    corrects = serializers.CharField(allow_null=True, help_text=_("Of a credit note: the id of what it corrects."))
    net = MoneyOut()
    tax = MoneyOut()
    total = MoneyOut(help_text=_("In the market's currency; lines bought in another one add up by themselves."))
    coins = serializers.IntegerField(help_text=_("What the owner's lots paid, coupon left out."))
    lines = LineOut(many=True)
    pdf = serializers.CharField(help_text=_("The path of its PDF."))


class Invoices(Door):
    @extend_schema(
        operation_id="list_invoices",
        parameters=[
            OpenApiParameter("kind", str, enum=list(KINDS), description=_("Invoices, unless it says otherwise.")),
            OpenApiParameter("cursor", str),
            OpenApiParameter("limit", int),
        ],
        responses={200: page_of(InvoiceOut)},
    )
    def get(self, request: Request) -> Response:
        kind = request.query_params.get("kind") or "invoice"
        if kind not in KINDS:
            raise Invalid([FieldError("kind", "invalid_choice", _("It is none of: %s.") % ", ".join(KINDS))])
        rows = Invoice.objects.filter(account=account_of(request), kind__in=KINDS[kind]).select_related("top_up")
        return page(request, rows, render=_read_many, by="issued_at")


class OneInvoice(Door):
    @extend_schema(operation_id="get_invoice", responses={200: InvoiceOut})
    def get(self, request: Request, public_id: str) -> Response:
        return Response(_read(invoices.get(account=account_of(request), public_id=public_id)))


class Pdf(Door):
    @extend_schema(operation_id="get_invoice_pdf", responses={(200, "application/pdf"): OpenApiTypes.BINARY})
    def get(self, request: Request, public_id: str) -> HttpResponse:
        invoice = invoices.get(account=account_of(request), public_id=public_id)
        document = documents.of(invoice_id=invoice.id, now=timezone.now())
        etag = f'"{document.sha256}"'
        if request.headers.get("If-None-Match") == etag:
            response: HttpResponse = HttpResponseNotModified()
        else:
            response = HttpResponse(bytes(document.pdf), content_type="application/pdf")
            response["Content-Disposition"] = f'inline; filename="{invoice.number}.pdf"'
        response["ETag"] = etag
        response["Cache-Control"] = "private, no-cache"
        return response


class Year(Door):
    @extend_schema(
        operation_id="get_invoices_of_year",
        description=_("Every invoice, receipt and credit note of a year, as PDFs in a ZIP."),
        responses={(200, "application/zip"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, year: int) -> StreamingHttpResponse:
        return zipped(account_of(request), year)


def zipped(account: Account, year: int) -> StreamingHttpResponse:
    """For the pages too. Raises NotFound where the year has no documents."""
    pieces = documents_of_year.archive(account=account, year=year, now=timezone.now())
    response = StreamingHttpResponse(pieces, content_type="application/zip")
    response["Content-Disposition"] = f'attachment; filename="promote-{year}.zip"'
    response["Cache-Control"] = "private, no-store"
    return response


def _read_many(rows: list[Invoice]) -> Iterable[dict[str, Any]]:
    return [_read(row) for row in rows]


def _read(invoice: Invoice) -> dict[str, Any]:
    lines = [_read_line(line) for line in invoice.content["lines"]]
    micros = sum(line["micros"] for line in invoice.content["lines"] if line["what"] != "coupon")
    return {
        "id": invoice.public_id,
        "kind": invoice.kind,
        "number": invoice.number,
        "issued_at": invoice.issued_at,
        "order": invoice.order_ref or None,
        "top_up": invoice.top_up.public_id if invoice.top_up else None,
        "corrects": ids.public("inv", invoice.corrects_id) if invoice.corrects_id else None,
        "net": Price(invoice.net_minor, invoice.currency).as_dict(),
        "tax": Price(invoice.tax_minor, invoice.currency).as_dict(),
        "total": Price(invoice.gross_minor, invoice.currency).as_dict(),
        "coins": micros // MICROS,
        "lines": lines,
        "pdf": f"/api/v1/invoices/{invoice.public_id}.pdf",
    }


def _read_line(line: dict[str, Any]) -> dict[str, Any]:
    amounts: dict[str, Any] = dict.fromkeys(("net", "tax", "gross"))
    if currency := line.get("currency"):
        net, tax = line["net_minor"], line["tax_minor"]
        for name, minor in (("net", net), ("tax", tax), ("gross", net + tax)):
            amounts[name] = Price(minor, currency).as_dict()
    return {
        "what": line["what"],
        "origin": line.get("origin"),
        "coins": line["micros"] // MICROS,
        "micros": line["micros"],
        **amounts,
    }
