"""Orders with their results: placing, listing, reading, and what their owner does with them."""

from collections.abc import Sequence
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from analytics import reports
from analytics.reports import Result
from delivery import charges
from delivery.charges import GoneBack
from orders import api as orders_api
from orders import placement
from orders.api import ORDER_ID, OrderDoor, order_of, to_render
from orders.models import Order, Status
from orders.shapes import OrderOut, read_order
from promote.rest import Idempotent, account_of, caller, page, page_of
from promote.rest.fields import Shape, StrictCharField, StrictChoiceField
from promote.rest.idempotency import key_of
from promote.rest.pagination import PAGING

WHICH = [OpenApiParameter("status", str, enum=Status.values), *PAGING]


class PlaceIn(Shape):
    quote = StrictCharField(max_length=16_000)


class WhichIn(Shape):
    status = StrictChoiceField(choices=Status.choices, required=False)


def read_orders(orders: Sequence[Order]) -> list[dict[str, Any]]:
    """Orders as clients see them, each with what it brought and what was returned of it. A query for all of each."""
    found = reports.results_of(orders)
    gone_back = charges.gone_back([order.id for order in orders])
    return [
        {
            **read_order(order),
            "results": read_result(found[order.id]),
            "charges_returned": _read_gone_back(gone_back.get(order.id)),
        }
        for order in orders
    ]


def _read_gone_back(found: GoneBack | None) -> dict[str, int] | None:
    return None if found is None else {"impressions": found.impressions, "micros": found.micros, "coins": found.coins}


def read_result(result: Result) -> dict[str, Any]:
    return {"unit": result.unit, "count": result.count, "cost_per": result.cost_per_micros}


class WithResults(OrderDoor):
    def read(self, order: Order) -> dict[str, Any]:
        return read_orders([to_render(order)])[0]


class Orders(Idempotent, WithResults):
    @extend_schema(operation_id="list_orders", parameters=WHICH, responses={200: page_of(OrderOut)})
    def get(self, request: Request) -> Response:
        wanted = WhichIn.read_query(request)
        rows = Order.objects.of(account_of(request)).filter(**wanted)
        rows = rows.select_related("account", "market", "video", "live", "offer").prefetch_related("reviews", "history")
        return page(request, rows, render=read_orders, by="placed_at")

    @extend_schema(operation_id="place_order", request=PlaceIn, responses={201: OrderOut})
    def post(self, request: Request) -> Response:
        placed = placement.place(
            account=account_of(request),
            quote=PlaceIn.read(request)["quote"],
            key=key_of(request),
            caller=caller(request),
            now=timezone.now(),
        )
        return Response(self.read(placed), status=201)


class OneOrder(WithResults, orders_api.Amend):
    @extend_schema(operation_id="get_order", parameters=[ORDER_ID], responses={200: OrderOut})
    def get(self, request: Request, order: str) -> Response:
        return Response(self.read(order_of(request, order)))


class End(orders_api.End, WithResults): ...


class Pause(orders_api.Pause, WithResults): ...


class Resume(orders_api.Resume, WithResults): ...


class Appeal(orders_api.Appeal, WithResults): ...


class PlaceAgain(orders_api.PlaceAgain, WithResults): ...
