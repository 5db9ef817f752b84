"""Every charge of an order, as a list and as a file: together they are what it cost, to the micro."""

import csv
import io
from collections.abc import Iterator
from datetime import datetime
from urllib.parse import urlencode
from uuid import UUID

from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from delivery import charges
from delivery.charges import Charge, Cursor
from orders.models import Order
from promote.front.doors import AdvertiserRequest, advertiser
from promote.refusals import NotFound

PAGE = 100
COLUMNS = ("id", "at", "type", "price_micros", "valid", "reason")


@require_safe
@advertiser
def page(request: AdvertiserRequest, order_id: str) -> HttpResponse:
    order = _own(request, order_id)
    after = request.GET.get("after", "")
    listed = charges.listing(order, cursor=_cursor(after) if after else None, limit=PAGE)
    shown = {
        "order": order,
        "charges": listed.charges,
        "rounding": charges.ROUNDING,
        "day": charges.DAY,
        "returned": charges.RETURN,
        "spent_micros": charges.spent_micros(order),
        "later": _address(listed.next) if listed.next else "",
        "is_first": not after,
    }
    return render(request, "pages/charges.html", shown)


@require_safe
@advertiser
def file(request: AdvertiserRequest, order_id: str) -> HttpResponse:
    order = _own(request, order_id)
    response = StreamingHttpResponse(_lines(order), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{order.public_id}.csv"'
    return response  # type: ignore[return-value]


def _lines(order: Order) -> Iterator[str]:
    yield ",".join(COLUMNS) + "\r\n"
    for charge in charges.everything(order):
        yield _line(charge)


def _line(charge: Charge) -> str:
    buffer = io.StringIO()
    csv.writer(buffer).writerow(
        [charge.id, charge.at.isoformat(), charge.type, charge.price_micros, str(charge.valid).lower(), charge.reason]
    )
    return buffer.getvalue()


def _own(request: AdvertiserRequest, order_id: str) -> Order:
    return Order.objects.of(request.account).select_related("video", "live").find(order_id)


def _address(cursor: Cursor) -> str:
    return "?" + urlencode({"after": f"{cursor[0].isoformat()}_{cursor[1].hex}"})


def _cursor(text: str) -> Cursor:
    """Where a page ended. Raises NotFound for anything else."""
    at, _, token = text.partition("_")
    try:
        return datetime.fromisoformat(at), UUID(hex=token)
    except ValueError:
        raise NotFound from None
