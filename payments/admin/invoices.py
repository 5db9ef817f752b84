"""Documents in the admin: to look at and to open. The seller's name and address, finance edits."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.loader import render_to_string
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from payments import documents
from payments.admin.ledger import LookOnly
from payments.documents.sheet import sheet
from payments.models import BillingDetails, Invoice, InvoiceKind, InvoiceSeries, Seller
from promote.look_only import money


@admin.register(Invoice)
class InvoiceAdmin(LookOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("number", "kind", "account", "total", "issued_at", "opened")
    list_filter = ("kind", "market")
    list_select_related = ("account",)
    fieldsets = (
        (None, {"fields": (("number", "kind"), ("issued_at", "opened"), ("account", "market"))}),
        (_("About"), {"fields": (("order", "top_up"), "corrects")}),
        (_("What it says"), {"fields": (("net_minor", "tax_minor", "gross_minor"), "said")}),
    )
    readonly_fields = ("opened", "order", "said")
    search_fields = ("=number", "=order_ref", "=account__external_id")
    ids_searched = {"inv": "id", "top": "top_up_id"}
    search_help_text = _("A number, an order's or a top-up's id, or an account's external id.")
    ordering = ("-issued_at",)
    date_hierarchy = "issued_at"

    @admin.display(description=_("total"))
    def total(self, invoice: Invoice) -> str:
        """What a credit note tells of is taken off."""
        sign = -1 if invoice.kind == InvoiceKind.CREDIT_NOTE else 1
        return money(sign * invoice.gross_minor, invoice.currency)

    @admin.display(description=_("document"))
    def opened(self, invoice: Invoice) -> str:
        return format_html('<a href="{}">PDF</a>', reverse("admin:payments_invoice_pdf", args=[invoice.pk]))

    @admin.display(description=_("order"))
    def order(self, invoice: Invoice) -> str:
        if not invoice.order_ref:
            return "–"
        orders = reverse("admin:orders_order_changelist")
        return format_html('<a href="{}?q={}">{}</a>', orders, invoice.order_ref, invoice.order_ref)

    @admin.display(description=_("document"))
    def said(self, invoice: Invoice) -> str:
        """The words, lines and sums that stand on it, in staff's language."""
        return render_to_string("admin/payments/_document.html", {"sheet": sheet(invoice)})

    def get_urls(self) -> list[URLPattern]:
        pdf = path("<uuid:pk>/pdf/", self.admin_site.admin_view(self.pdf), name="payments_invoice_pdf")
        return [pdf, *super().get_urls()]

    def pdf(self, request: HttpRequest, pk: Any) -> HttpResponse:
        invoice = get_object_or_404(Invoice, pk=pk)
        if not self.has_view_permission(request, invoice):
            raise PermissionDenied
        document = documents.of(invoice_id=invoice.id, now=timezone.now())
        response = HttpResponse(bytes(document.pdf), content_type="application/pdf")
        response["Content-Disposition"] = f'inline; filename="{invoice.number}.pdf"'
        return response


@admin.register(InvoiceSeries)
class InvoiceSeriesAdmin(LookOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("key", "next")


@admin.register(Seller)
class SellerAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("name", "market", "tax_id", "email")

    def has_delete_permission(self, request: HttpRequest, obj: Seller | None = None) -> bool:
        """The seller of all other markets stays."""
        return obj is not None and obj.market_id is not None and super().has_delete_permission(request, obj)


@admin.register(BillingDetails)
class BillingDetailsAdmin(LookOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("account", "name", "tax_id", "email", "updated_at")
    list_select_related = ("account",)
    search_fields = ("=account__external_id", "name")
