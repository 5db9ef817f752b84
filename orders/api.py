"""What an order's owner does with it over REST. Quotes, placing and reading join rooms above: promote/front."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from orders import amendments, appeals, lifecycle, pausing
from orders.models import EndReason, Order
from orders.shapes import AmendIn, AppealIn, OrderOut, read_order
from promote.rest import Idempotent, account_of, caller
from promote.rest.fields import Shape
from promote.rest.idempotency import key_of
from promote.rest.views import Door

__all__ = ["Amend", "OrderOut", "order_of", "read_order", "to_render"]

ORDER_ID = OpenApiParameter("order", str, OpenApiParameter.PATH, description="`ord_…`")


class NothingIn(Shape):
    """No members: the address says it all."""


def order_of(request: Request, public_id: str) -> Order:
    """The caller's order. Raises NotFound, also for another's."""
    return Order.objects.of(account_of(request)).find(public_id)


def to_render(order: Order) -> Order:
    """The order as it now stands, with what `read_order` needs."""
    rows = Order.objects.select_related("account", "market", "video", "live", "offer")
    return rows.prefetch_related("reviews", "history").get(id=order.id)


class OrderDoor(Door):
    """A door to one order. promote/front gives `read` the results."""

    def read(self, order: Order) -> dict[str, Any]:
        return read_order(to_render(order))


class Amend(OrderDoor):
    @extend_schema(operation_id="amend_order", parameters=[ORDER_ID], request=AmendIn, responses={200: OrderOut})
    def patch(self, request: Request, order: str) -> Response:
        changes = AmendIn.read(request)
        found = order_of(request, order)
        amended = amendments.amend(order_id=found.id, by=account_of(request), changes=changes, now=timezone.now())
        return Response(self.read(amended))


class End(Idempotent, OrderDoor):
    @extend_schema(operation_id="end_order", parameters=[ORDER_ID], request=NothingIn, responses={200: OrderOut})
    def post(self, request: Request, order: str) -> Response:
        found = order_of(request, order)
        ended = lifecycle.end(order_id=found.id, reason=EndReason.USER, by=account_of(request), now=timezone.now())
        return Response(self.read(ended))


class Pause(Idempotent, OrderDoor):
    @extend_schema(operation_id="pause_order", parameters=[ORDER_ID], request=NothingIn, responses={200: OrderOut})
    def post(self, request: Request, order: str) -> Response:
        found = order_of(request, order)
        return Response(self.read(pausing.pause(order_id=found.id, by=account_of(request), now=timezone.now())))


class Resume(Idempotent, OrderDoor):
    @extend_schema(operation_id="resume_order", parameters=[ORDER_ID], request=NothingIn, responses={200: OrderOut})
    def post(self, request: Request, order: str) -> Response:
        found = order_of(request, order)
        return Response(self.read(pausing.resume(order_id=found.id, by=account_of(request), now=timezone.now())))


class Appeal(Idempotent, OrderDoor):
    @extend_schema(operation_id="appeal_order", parameters=[ORDER_ID], request=AppealIn, responses={200: OrderOut})
    def post(self, request: Request, order: str) -> Response:
        asked = AppealIn.read(request)
        found = order_of(request, order)
        appealed = appeals.appeal(
            order_id=found.id, by=account_of(request), message=asked.get("message") or "", now=timezone.now()
        )
        return Response(self.read(appealed))


class PlaceAgain(Idempotent, OrderDoor):
    @extend_schema(
        operation_id="place_order_again", parameters=[ORDER_ID], request=NothingIn, responses={201: OrderOut}
    )
    def post(self, request: Request, order: str) -> Response:
        found = order_of(request, order)
        placed = appeals.place_again(
            order_id=found.id,
            account=account_of(request),
            key=key_of(request),
            caller=caller(request),
            now=timezone.now(),
        )
        return Response(self.read(placed), status=201)
