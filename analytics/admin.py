"""Purchases, to be looked at."""

from django.contrib import admin

from analytics.models import Purchase
from promote.look_only import LookOnly


@admin.register(Purchase)
class PurchaseAdmin(LookOnly, admin.ModelAdmin):
    list_display = ("reference", "product", "quantity", "amount_minor", "currency", "at", "refund_of", "order")
    list_filter = ("currency",)
    search_fields = ("=reference", "=product")
    list_select_related = ("refund_of", "order")
