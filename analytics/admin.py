"""Purchases, to be looked at; and how good our predictions and estimates are."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.defaultfilters import floatformat
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from analytics import calibration, foreseeing
from analytics.calibration import Bin
from analytics.foreseeing import Coverage
from analytics.models import Foreseen, Prediction, Purchase, Stretch
from delivery.forecast import LEVEL
from promote.look_only import Cell, LookOnly, Table


@admin.register(Purchase)
class PurchaseAdmin(LookOnly, admin.ModelAdmin):
    list_display = ("reference", "product", "quantity", "amount_minor", "at", "refund_of", "order")
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
            "media": self.media,
            "title": _("Predictions and estimates"),
            "bins": _bins(calibration.report(now=now)),
            "coverage": _coverage(foreseeing.coverage(now=now)),
            "level": LEVEL,
            "enough": foreseeing.ENOUGH_ORDERS,
        }
        return render(request, "admin/analytics/quality.html", context)


def _bins(found: Sequence[Bin]) -> Table:
    columns = [
        _("Objective"), _("Market"), _("Tenth"), _("Impressions"), _("Actions predicted"), _("Happened"),
        _("Predicted ÷ happened"),
    ]  # fmt: skip
    return Table(columns, [_bin(one) for one in found], _(
        "No whole hour has impressions yet. The first figures come an hour after delivery begins."
    ), frozenset(range(3, 7)))  # fmt: skip


def _bin(one: Bin) -> list[Cell]:
    ratio = "–" if one.ratio is None else floatformat(one.ratio, 2)
    return [
        Cell(one.objective),
        Cell(one.market),
        Cell(one.decile),
        Cell(floatformat(one.impressions, "0g")),
        Cell(floatformat(one.predicted, "1g")),
        Cell(floatformat(one.happened, "0g")),
        Cell(f"{ratio} {_('off')}" if one.is_off else ratio, is_bad=one.is_off),
    ]


def _coverage(found: Sequence[Coverage]) -> Table:
    columns = [
        _("Objective"), _("Market"), _("Orders"), _("Within"), _("Below"), _("Upper ÷ lower end"), _("Widened by"),
    ]  # fmt: skip
    rows = [
        [
            Cell(one.objective),
            Cell(one.market),
            Cell(one.orders),
            Cell(f"{one.within} ({floatformat(one.share, 2)})"),
            Cell(one.below),
            Cell(floatformat(one.width, 1)),
            Cell(_("too few orders") if one.stretch is None else floatformat(one.stretch, 2)),
        ]
        for one in found
    ]
    return Table(columns, rows, _("No order has run to its own end yet."), frozenset(range(2, 7)))


@admin.register(Foreseen)
class ForeseenAdmin(LookOnly, admin.ModelAdmin):
    list_display = ("at", "order", "unit", "low", "high", "came", "inside", "counts")
    list_filter = ("counts", "unit", "order__market")
    search_fields = ("=order__account__external_id",)
    ids_searched = {"ord": "order_id"}
    search_help_text = _("An order's id (ord_…), or an account's external id.")
    list_select_related = ("order",)
    show_full_result_count = False

    @admin.display(description=_("within"), boolean=True)
    def inside(self, row: Foreseen) -> bool | None:
        return None if row.came is None else row.low <= row.came <= row.high


@admin.register(Stretch)
class StretchAdmin(LookOnly, admin.ModelAdmin):
    list_display = ("market", "objective", "amount", "orders", "at")
