"""Purchases, to be looked at; and how good our predictions and estimates are."""

from typing import Any

from django.contrib import admin
from django.forms import Media
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from analytics import calibration, foreseeing
from analytics.models import Foreseen, Prediction, Purchase, Stretch
from delivery.forecast import LEVEL
from promote.look_only import LookOnly

STYLES = Media(css={"all": ["css/admin-desk.css"]})


@admin.register(Purchase)
class PurchaseAdmin(LookOnly, admin.ModelAdmin):
    list_display = ("reference", "product", "quantity", "amount_minor", "currency", "at", "refund_of", "order")
    list_filter = ("currency",)
    search_fields = ("=reference", "=product")
    list_select_related = ("refund_of", "order")


@admin.register(Prediction)
class PredictionAdmin(LookOnly, admin.ModelAdmin):
    """Not the rows, of which there are many, but what they come to."""

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        now = timezone.now()
        context = {
            **self.admin_site.each_context(request),
            "opts": self.model._meta,
            "media": self.media + STYLES,
            "title": _("Predictions and estimates"),
            "bins": calibration.report(now=now),
            "coverage": foreseeing.coverage(now=now),
            "level": LEVEL,
            "enough": foreseeing.ENOUGH_ORDERS,
        }
        return render(request, "admin/analytics/quality.html", context)


@admin.register(Foreseen)
class ForeseenAdmin(LookOnly, admin.ModelAdmin):
    list_display = ("at", "order", "unit", "low", "high", "came", "inside", "counts")
    list_filter = ("counts", "unit", "order__market")
    list_select_related = ("order",)
    show_full_result_count = False

    @admin.display(description=_("within"), boolean=True)
    def inside(self, row: Foreseen) -> bool | None:
        return None if row.came is None else row.low <= row.came <= row.high


@admin.register(Stretch)
class StretchAdmin(LookOnly, admin.ModelAdmin):
    list_display = ("market", "objective", "amount", "orders", "at")
