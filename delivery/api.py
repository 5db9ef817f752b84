"""An order's charges and its diagnosis, for its owner (api.md, Users)."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.http import HttpResponseBase
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from delivery import charges, diagnosis
from delivery.charges import Charge, Cursor
from delivery.shapes import ChargeOut, DiagnosisOut, read_charge
from orders.models import Order
from promote.rest import account_of, page_of
from promote.rest.csv_files import Csv, as_file
from promote.rest.pagination import limit_of, open_cursor, seal_cursor
from promote.rest.views import Door

ORDER_ID = OpenApiParameter("order", str, OpenApiParameter.PATH, description="`ord_…`")
COLUMNS = ("id", "at", "type", "price_micros", "valid", "reason")


class Charges(Door):
    renderer_classes = [JSONRenderer, Csv]

    @extend_schema(
        operation_id="list_order_charges",
        parameters=[ORDER_ID, OpenApiParameter("cursor", str), OpenApiParameter("limit", int)],
        responses={
            (200, "application/json"): page_of(ChargeOut),
            (200, "text/csv"): OpenApiResponse(OpenApiTypes.STR, description="All charges, a line each."),
        },
    )
    def get(self, request: Request, order: str) -> HttpResponseBase:
        found = order_of(request, order)
        if request.accepted_renderer.format == "csv":
            return as_file(f"{found.public_id}.csv", COLUMNS, map(_values, charges.everything(found)))
        page = charges.listing(found, cursor=_cursor(request), limit=limit_of(request))
        more = seal_cursor(request, [page.next[0].isoformat(), page.next[1].hex]) if page.next else None
        return Response({"results": [read_charge(one) for one in page.charges], "next": more})


class Diagnose(Door):
    @extend_schema(operation_id="diagnose_order", parameters=[ORDER_ID], responses={200: DiagnosisOut})
    def get(self, request: Request, order: str) -> Response:
        found = diagnosis.of(order_of(request, order), now=timezone.now())
        return Response(
            {
                "minutes": diagnosis.MINUTES,
                "funnel": found.funnel,
                "spent_micros": found.spent_micros,
                "planned_micros": found.planned_micros,
                "advice": [{"code": code, "detail": str(sentence)} for code, sentence in found.advice],
            }
        )


def order_of(request: Request, public_id: str) -> Order:
    """The caller's order. Raises NotFound, also for another's."""
    return Order.objects.of(account_of(request)).select_related("market").find(public_id)


def _cursor(request: Request) -> Cursor | None:
    text = request.query_params.get("cursor")
    if not text:
        return None
    at, token = open_cursor(request, text)
    return datetime.fromisoformat(at), UUID(hex=token)


def _values(charge: Charge) -> tuple[Any, ...]:
    told = read_charge(charge)
    return tuple(told[name] for name in COLUMNS)
