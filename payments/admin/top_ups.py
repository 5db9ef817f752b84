"""Top-ups in the admin: to look at; where one is stuck, ops has the provider asked again."""

from itertools import groupby
from operator import attrgetter
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from payments import gateways, providers, returns, top_up_ends, top_ups
from payments.admin import asking
from payments.admin.ledger import LookOnly
from payments.gateways import NoSuchGateway
from payments.gateways.base import GatewayAway, GatewayRefused
from payments.models import TopUp, TopUpStatus, TopUpTransition
from promote.look_only import Waiting, money
from promote.markets.models import PaymentMethod
from promote.money import format_price


def _look_at(name: str) -> dict[str, Any]:
    """A provider, the methods that markets mean to offer by it, and whether they can."""
    wanted = PaymentMethod.objects.filter(gateway=name, enabled=True).order_by("code", "market")
    is_here = gateways.has_keys(name)
    return {
        "name": name,
        "is_here": is_here,
        "is_live": is_here and gateways.named(name).is_live,
        "pause": providers.pause_of(name),
        "methods": [(code, [row.market_id for row in rows]) for code, rows in groupby(wanted, key=attrgetter("code"))],
    }


class NeedsALook(admin.SimpleListFilter):
    title, parameter_name = _("needs a look"), "problem"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("Paid, but not as asked"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() != "yes":
            return queryset
        return queryset.exclude(problem="").exclude(status=TopUpStatus.FAILED)


class EndForm(forms.Form):
    reason = forms.CharField(max_length=64, help_text=_("What became of the money: “refunded at Stripe, re_…”."))


class Transitions(LookOnly, admin.TabularInline):  # type: ignore[type-arg]
    model = TopUpTransition
    fields = readonly_fields = ("at", "from_status", "to_status", "why", "by")


@admin.register(TopUp)
class TopUpAdmin(LookOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    to_do = Waiting(
        _("payments made otherwise than asked"),
        "?problem=yes&status__exact=pending",
        lambda: TopUp.objects.filter(status=TopUpStatus.PENDING).exclude(problem="").count(),
        is_bad=True,
    )
    list_display = ("public_id", "status", "account", "price", "coins", "method", "started_at", "paid_at", "problem")
    tones = {"status": {"pending": "warn", "paid": "good", "failed": "bad"}}
    list_filter = ("status", NeedsALook, "method", "market")
    list_select_related = ("account",)
    search_fields = ("=account__external_id", "=provider_ref", "=payment_ref")
    ids_searched = {"top": "id"}
    search_help_text = _(
        "A top-up's id (top_…), an account's external id, or the provider's id of the page or payment."
    )
    ordering = ("-started_at",)
    date_hierarchy = "started_at"
    fieldsets = (
        (None, {"fields": (("account", "coins"), ("amount_minor", "tax"), ("status", "problem"))}),
        (_("How it is paid"), {"fields": (("method", "surface", "market"), ("pack", "saved"), "instructions")}),
        (_("At the provider"), {"fields": (("gateway", "payment_ref"), "provider_ref", ("check_at", "checks"))}),
        (_("When"), {"fields": (("started_at", "expires_at"), ("accepted_at", "paid_at", "ended_at"))}),
        (_("What went back"), {"fields": (("refunded_minor", "disputed_minor", "withdrawn_minor"),)}),
    )  # fmt: skip
    readonly_fields = ("tax",)
    inlines = (Transitions,)
    actions = ("ask",)
    change_form_template = "admin/payments/row.html"

    @admin.display(description=_("tax within"))
    def tax(self, top_up: TopUp) -> str:
        if not top_up.tax_minor:
            return "–"
        return f"{money(top_up.tax_minor, top_up.currency)} ({top_up.tax_name} {top_up.tax_percent} %)"

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.providers)
        end = self.admin_site.admin_view(self.end)
        return [
            path("providers/", view, name="payments_topup_providers"),
            path("<uuid:pk>/end/", end, name="payments_topup_end"),
            *super().get_urls(),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        row, tools = self.get_object(request, object_id), []
        if row is not None and row.status == TopUpStatus.PENDING and row.problem and self.has_ask_permission(request):
            tools = [(_("End it without coins"), reverse("admin:payments_topup_end", args=[row.pk]))]
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), "tools": tools})

    def end(self, request: HttpRequest, pk: Any) -> HttpResponse:
        """Once the money that came otherwise than asked has been dealt with at the provider."""
        asking.allowed(request, "change_notice")
        row = get_object_or_404(TopUp.objects.select_related("account"), pk=pk)
        form, back = EndForm(asking.sent(request)), reverse("admin:payments_topup_change", args=[row.pk])
        if request.method == "POST" and form.is_valid():
            asked = {**form.cleaned_data, "by": asking.staff(request), "now": timezone.now()}
            if asking.done(form, lambda: top_up_ends.put_right(top_up_id=row.id, **asked)):
                messages.success(request, _("Done; the account was told."))
                return redirect(back)
        facts = [(_("Account"), row.account), (_("Asked"), self.price(row)), (_("What differs"), row.problem)]
        words = {"title": _("End this payment without coins?"), "button": _("End it"), "is_no": True}
        return asking.ask(self, request, form, back=back, facts=facts, **words)

    def providers(self, request: HttpRequest) -> HttpResponse:
        """Which payment provider is asked here, which has no keys, which does not answer; and what that takes away."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "title": _("Payment providers"),
            "opts": self.model._meta,
            "media": self.media,
            "rows": [_look_at(name) for name in gateways.METHODS],
        }
        return render(request, "admin/payments/topup/providers.html", context)

    @admin.display(description=_("price"))
    def price(self, top_up: TopUp) -> str:
        return format_price(top_up.amount_minor, top_up.currency, top_up.exponent)

    def has_ask_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("payments.change_notice")

    @admin.action(description=_("Ask the provider what became of it"), permissions=["ask"])
    def ask(self, request: HttpRequest, chosen: QuerySet[TopUp]) -> None:
        for top_up in chosen[:50]:
            try:
                found = top_ups.confirm(top_up_id=top_up.id, now=timezone.now(), why="asked by ops")
                returns.confirm(top_up_id=top_up.id, now=timezone.now())
            except (GatewayAway, GatewayRefused, NoSuchGateway, top_ups.Mismatch, returns.ReturnDiffers) as error:
                messages.error(request, f"{top_up}: {error}")
            else:
                messages.success(request, f"{top_up}: {found.get_status_display()}")
