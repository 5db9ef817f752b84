"""What an account was told and billed: notifications, invoices and receipts."""

from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from django.db.models import Model, QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from payments import billing, documents
from payments import invoices as own_invoices
from payments.documents.year import years_of
from payments.invoices_api import zipped
from payments.models import Invoice, InvoiceKind
from promote import ids
from promote.front.doors import AdvertiserRequest, advertiser
from promote.notifications.models import Notification
from promote.notifications.sentences import sentence

PAGE = 30
Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True, slots=True)
class News:
    notification: Notification
    text: str
    href: str
    icon: str


@require_safe
@advertiser
def notifications(request: AdvertiserRequest) -> HttpResponse:
    found = Notification.objects.filter(account=request.account).order_by("-id")
    page, older = _page(found, request.GET.get("before", ""), "ntf")
    shown = {
        "news": [_news(one) for one in page],
        "unread": any(one.read_at is None for one in page),
        "older": older,
        "newer": reverse("pages:notifications") if request.GET.get("before") else "",
    }
    return render(request, "pages/notifications.html", shown)


@require_POST
@advertiser
def seen(request: AdvertiserRequest) -> HttpResponse:
    """Everything told so far was seen."""
    Notification.objects.filter(account=request.account, read_at=None).update(read_at=timezone.now())
    if getattr(request, "htmx", False):
        return HttpResponse(status=204)
    return redirect("pages:notifications")


ICONS = {
    "order": "orders",
    "top_up": "wallet",
    "coins": "wallet",
    "transfer": "wallet",
    "debt": "wallet",
    "withdrawal": "undo",
    "offer": "ticket",
    "invoice": "receipt",
    "credit_note": "receipt",
}


PAGES = {"order": "pages:order", "top_up": "pages:top_up_return", "withdrawal": "pages:withdrawal"}


def _news(one: Notification) -> News:
    icon = next((icon for start, icon in ICONS.items() if one.kind.startswith(start)), "bell")
    return News(one, sentence(one), _where(one), icon)


def _where(one: Notification) -> str:
    """The page on which what is told can be seen, and acted on; none where there is nothing to see."""
    about = one.kind.partition("_")[0]
    if about in ("invoice", "credit"):
        return reverse("pages:invoices")
    for thing, page in PAGES.items():
        if isinstance(one.payload.get(thing), str):
            return reverse(page, args=[one.payload[thing]])
    if one.kind == "order_not_placed":
        return reverse("pages:promote", args=[one.payload["target"]])
    if about == "offer":
        return reverse("pages:offers")
    return reverse("pages:wallet") if about in ("top", "coins", "withdrawal", "transfer", "debt", "saved") else ""


@dataclass(frozen=True, slots=True)
class Paper:
    """A document in the list. What a credit note tells of is taken off: it stands with a minus."""

    invoice: Invoice

    @property
    def amount_minor(self) -> int:
        return -self.invoice.gross_minor if self.is_credit_note else self.invoice.gross_minor

    @property
    def is_credit_note(self) -> bool:
        return self.invoice.kind == InvoiceKind.CREDIT_NOTE


@require_safe
@advertiser
def invoices(request: AdvertiserRequest) -> HttpResponse:
    found = Invoice.objects.filter(account=request.account).select_related("market", "corrects").order_by("-id")
    page, older = _page(found, request.GET.get("before", ""), "inv")
    shown = {
        "papers": [Paper(one) for one in page],
        "buyer": billing.buyer(request.account),
        "older": older,
        "newer": reverse("pages:invoices") if request.GET.get("before") else "",
        "years": years_of(request.account),
    }
    return render(request, "pages/invoices.html", shown)


@require_safe
@advertiser
def invoice_pdf(request: AdvertiserRequest, invoice_id: str) -> HttpResponse:
    found = own_invoices.get(account=request.account, public_id=invoice_id)
    document = documents.of(invoice_id=found.id, now=timezone.now())
    response = HttpResponse(bytes(document.pdf), content_type="application/pdf")
    response["Content-Disposition"] = f'attachment; filename="{found.number}.pdf"'
    return response


@require_safe
@advertiser
def invoices_of_year(request: AdvertiserRequest, year: int) -> HttpResponse:
    """All documents of a year as one ZIP."""
    return zipped(request.account, year)  # type: ignore[return-value]


def _page(rows: QuerySet[Row], before: str, prefix: str) -> tuple[list[Row], str]:
    """A page of rows whose ids grow with time, and the address of the next one."""
    if before:
        rows = rows.filter(pk__lt=_id(prefix, before))
    found = list(rows[: PAGE + 1])
    older = f"?before={ids.public(prefix, found[PAGE - 1].pk)}" if len(found) > PAGE else ""
    return found[:PAGE], older


def _id(prefix: str, text: str) -> UUID:
    return ids.parse(prefix, text)
