"""What an order came to, whole and in parts."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from analytics import purchases, reports
from analytics.purchases import Bought
from analytics.reports import Figures, Part
from orders.api import ORDER_ID
from orders.models import Order
from orders.shapes import ResultsOut
from promote.front.api_orders import read_result
from promote.money import Price
from promote.rest import account_of
from promote.rest.fields import Shape, StrictChoiceField
from promote.rest.views import Door


class ByIn(Shape):
    by = StrictChoiceField(choices=list(reports.BY), default="hour")


class FiguresOut(serializers.Serializer[Figures]):
    impressions = serializers.IntegerField(help_text="All that were told, also those that are not billed.")
    valid_impressions = serializers.IntegerField()
    charged_micros = serializers.IntegerField(help_text="1 coin = 1,000,000.")
    actions = serializers.DictField(child=serializers.IntegerField(), help_text="The valid ones, by type.")


class PartOut(FiguresOut):
    key = serializers.CharField(help_text="The hour, day or value; empty where it is unknown.", allow_blank=True)


class AmountOut(serializers.Serializer[Any]):
    amount_minor = serializers.IntegerField()
    currency = serializers.CharField()


class BoughtOut(serializers.Serializer[Any]):
    count = serializers.IntegerField()
    quantity = serializers.IntegerField()
    amounts = AmountOut(many=True)


class ReportOut(serializers.Serializer[Any]):
    order = serializers.CharField()
    results = ResultsOut()
    figures = FiguresOut()
    purchases = BoughtOut(help_text="By viewers within 7 days of a click that this order brought, less refunds.")
    by = serializers.ChoiceField(choices=list(reports.BY))
    breakdown = PartOut(many=True, help_text="Its parts add up to the figures.")


class Report(Door):
    @extend_schema(
        operation_id="report_order",
        parameters=[ORDER_ID, OpenApiParameter("by", str, enum=list(reports.BY), default="hour")],
        responses={200: ReportOut},
    )
    def get(self, request: Request, order: str) -> Response:
        found = Order.objects.of(account_of(request)).select_related("market").find(order)
        by = ByIn.read_query(request)["by"]
        figures = reports.figures(found)
        return Response(
            {
                "order": found.public_id,
                "results": read_result(reports.result(found, figures)),
                "figures": read_figures(figures),
                "purchases": read_bought(purchases.bought_through(found)),
                "by": by,
                "breakdown": [read_part(part) for part in reports.by(found, by)],
            }
        )


def read_figures(figures: Figures) -> dict[str, Any]:
    return {
        "impressions": figures.impressions,
        "valid_impressions": figures.valid_impressions,
        "charged_micros": figures.charged_micros,
        "actions": figures.actions,
    }


def read_bought(bought: Bought) -> dict[str, Any]:
    amounts = [Price(minor, currency).as_dict() for currency, minor in bought.amounts_minor.items()]
    return {"count": bought.count, "quantity": bought.quantity, "amounts": amounts}


def read_part(part: Part) -> dict[str, Any]:
    return {"key": part.key, **read_figures(part.figures)}
