"""Saved means of payment: to look at. Who saved one removes it; the token that pays is never shown."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from payments.admin.ledger import LookOnly
from payments.models import SavedMethod


class State(admin.SimpleListFilter):
    title, parameter_name = _("state"), "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("kept", _("kept")), ("removed", _("removed")), ("releasing", _("removed, the provider keeps it yet"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        match self.value():
            case "kept":
                return queryset.filter(removed_at=None)
            case "removed":
                return queryset.exclude(removed_at=None)
            case "releasing":
                return queryset.exclude(release_at=None)
        return queryset


@admin.register(SavedMethod)
class SavedMethodAdmin(LookOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("label", "account", "method", "gateway", "expires_on", "consented_at", "removed_at", "release_at")
    list_filter = (State, "method", "gateway")
    list_select_related = ("account",)
    search_fields = ("=account__external_id", "=payer_ref")
    ids_searched = {"sav": "id", "top": "first_top_up_id"}
    search_help_text = _("Its id (sav_…), the id of the top-up that saved it, an account's external id, or a payer's.")
    ordering = ("-consented_at",)
    date_hierarchy = "consented_at"
    fields = (
        ("label", "account"),
        ("method", "gateway", "payer_ref"),
        ("first_top_up", "expires_on"),
        "consent",
        ("consented_at", "removed_at", "release_at"),
    )
