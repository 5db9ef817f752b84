"""Orders that were paid for in one step, in the admin: to look at, and why one could not be placed."""

from django.contrib import admin

from orders.models import OrderPayment
from promote.look_only import LookOnly


@admin.register(OrderPayment)
class OrderPaymentAdmin(LookOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("public_id", "account", "title", "state", "code", "top_up", "order", "started_at", "ended_at")
    list_filter = ("state", "code")
    list_select_related = ("account", "top_up", "order")
    search_fields = ("=account__external_id", "=top_up__payment_ref", "=top_up__provider_ref")
    exclude = ("quote",)
    ordering = ("-started_at",)
