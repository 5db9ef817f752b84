"""Top-ups in the admin: to look at; where one is stuck, ops has the provider asked again."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from payments import top_ups
from payments.admin.ledger import LookOnly
from payments.gateways import NoSuchGateway
from payments.gateways.base import GatewayAway, GatewayRefused
from payments.models import TopUp, TopUpTransition
from promote.money import format_price


class NeedsALook(admin.SimpleListFilter):
    title, parameter_name = _("needs a look"), "problem"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("Paid, but not as asked"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.exclude(problem="") if self.value() == "yes" else queryset


class Transitions(LookOnly, admin.TabularInline):  # type: ignore[type-arg]
    model = TopUpTransition
    fields = readonly_fields = ("at", "from_status", "to_status", "why", "by")


@admin.register(TopUp)
class TopUpAdmin(LookOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("public_id", "account", "coins", "price", "method", "status", "started_at", "paid_at", "problem")
    list_filter = ("status", NeedsALook, "method", "market")
    list_select_related = ("account",)
    search_fields = ("=id", "=account__external_id", "=provider_ref", "=payment_ref")
    search_help_text = _("An account's external id, or the provider's id of the page or payment.")
    ordering = ("-started_at",)
    date_hierarchy = "started_at"
    inlines = (Transitions,)
    actions = ("ask",)

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
            except (GatewayAway, GatewayRefused, NoSuchGateway, top_ups.Mismatch) as error:
                messages.error(request, f"{top_up}: {error}")
            else:
                messages.success(request, f"{top_up}: {found.get_status_display()}")
