"""Orders that were paid for in one step, in the admin: to look at, and why one could not be placed."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from orders.models import OrderPayment
from promote.look_only import LookOnly


@admin.register(OrderPayment)
class OrderPaymentAdmin(LookOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("public_id", "account", "title", "state", "code", "top_up", "order", "started_at", "ended_at")
    tones = {"state": {"waiting": "warn", "placed": "good", "not_placed": "bad"}}
    list_filter = ("state", "code")
    list_select_related = ("account", "top_up", "order")
    search_fields = ("=account__external_id", "=top_up__payment_ref", "=top_up__provider_ref")
    ids_searched = {"pay": "id", "top": "top_up_id", "ord": "order_id"}
    search_help_text = _("Its id (pay_…), a top-up's, an order's, or an account's external id.")
    exclude = ("quote",)
    ordering = ("-started_at",)
