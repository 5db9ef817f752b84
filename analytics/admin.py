"""Purchases, to be looked at."""

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from analytics.models import Purchase


@admin.register(Purchase)
class PurchaseAdmin(admin.ModelAdmin):
    list_display = ("reference", "product", "quantity", "amount_minor", "currency", "at", "refund_of", "order")
    list_filter = ("currency",)
    search_fields = ("=reference", "=product")
    list_select_related = ("refund_of", "order")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False
