"""An order's charges and its diagnosis, for its owner (api.md, Users)."""

import csv
import io
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.http import HttpResponseBase, StreamingHttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from delivery import charges, diagnosis
from delivery.charges import Charge, Cursor
from delivery.shapes import ChargeOut, DiagnosisOut, read_charge
from orders.models import Order
from promote.rest import account_of, page_of
from promote.rest.pagination import limit_of, open_cursor, seal_cursor
from promote.rest.views import Door

ORDER_ID = OpenApiParameter("order", str, OpenApiParameter.PATH, description="`ord_…`")
COLUMNS = ("id", "at", "type", "price_micros", "valid", "reason")


class Csv(BaseRenderer):
    """Only chosen by its Accept header: the view streams."""

    media_type, format, charset = "text/csv", "csv", "utf-8"

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Mapping[str, Any] | None = None
    ) -> bytes:
        """A refusal: its problem, as JSON."""
        return bytes(JSONRenderer().render(data))


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
            answer = StreamingHttpResponse(_lines(found), content_type="text/csv; charset=utf-8")
            answer["Content-Disposition"] = f'attachment; filename="{found.public_id}.csv"'
            return answer
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


def _lines(order: Order) -> Iterator[str]:
    yield _line(COLUMNS)
    for charge in charges.everything(order):
        yield _line(_values(charge))


def _values(charge: Charge) -> tuple[Any, ...]:
    told = read_charge(charge)
    return tuple(told[name] if told[name] is not None else "" for name in COLUMNS)


def _line(values: tuple[Any, ...]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerow(
        [str(value).lower() if isinstance(value, bool) else value for value in values]
    )
    return text.getvalue()
