"""Lists, newest first, a page at a time: `{"results": [], "next": cursor or null}`."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from django.core import signing
from django.db.models import Model, Q, QuerySet
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiParameter, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from promote.refusals import FieldError, Invalid

PAGING = [
    OpenApiParameter("limit", {"type": "integer", "minimum": 1, "maximum": 100, "default": 20}),
    OpenApiParameter("cursor", str, description="`next` of the page before."),
]
PAGE = 20
PAGE_MAX = 100

Row = TypeVar("Row", bound=Model)


def page(
    request: Request, rows: QuerySet[Row], *, render: Callable[[list[Row]], Iterable[Any]], by: str = "created_at"
) -> Response:
    """A page of `rows` by `(by, id)` descending. `?limit=` up to 100, `?cursor=` from the page before.

    A cursor is sealed, and opens the list it was made for only. Raises Invalid.
    """
    limit = limit_of(request)
    text = request.query_params.get("cursor")
    if text:
        at, last = _open(request, text)
        rows = rows.filter(Q(**{f"{by}__lt": at}) | Q(**{by: at, "id__lt": last}))
    found = list(rows.order_by(f"-{by}", "-id")[: limit + 1])
    shown, more = found[:limit], len(found) > limit
    cursor = _seal(request, getattr(shown[-1], by), shown[-1].pk) if more else None
    return Response({"results": list(render(shown)), "next": cursor})


def limit_of(request: Request) -> int:
    text = request.query_params.get("limit") or str(PAGE)
    if not (text.isascii() and text.isdigit() and len(text) < 5 and 1 <= int(text) <= PAGE_MAX):
        raise Invalid([FieldError("limit", "invalid", _("It is a whole number from 1 to %d.") % PAGE_MAX)])
    return int(text)


def page_of(item: type[serializers.BaseSerializer[Any]] | serializers.BaseSerializer[Any]) -> Any:
    """The schema of a page of `item`."""
    many = item(many=True) if isinstance(item, type) else item
    name = getattr(many, "child", many).__class__.__name__.removesuffix("Out")
    return inline_serializer(f"{name}Page", {"results": many, "next": serializers.CharField(allow_null=True)})


def seal_cursor(request: Request, value: Any) -> str:
    """A cursor of another form, for lists that are not `page`s. `value` is JSON."""
    return signing.dumps(value, salt=f"promote.cursor:{request.path}", compress=True)


def open_cursor(request: Request, text: str) -> Any:
    """What `seal_cursor` sealed for this path. Raises Invalid."""
    try:
        return signing.loads(text, salt=f"promote.cursor:{request.path}")
    except (signing.BadSignature, ValueError):
        raise Invalid(
            [FieldError("cursor", "invalid", _("Take it from next of the page before, unchanged."))]
        ) from None


def _seal(request: Request, at: datetime, last: UUID) -> str:
    return seal_cursor(request, [at.isoformat(), last.hex])


def _open(request: Request, text: str) -> tuple[datetime, UUID]:
    at, last = open_cursor(request, text)
    return datetime.fromisoformat(at), UUID(hex=last)
