"""What an order's owner is told. The sentences are in promote.notifications; here is what each is told about."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from orders.models import Order
from promote.notifications import notify_all


def tell(order: Order, kind: str, *, now: datetime, **facts: Any) -> None:
    """Writes a notification in the caller's transaction."""
    tell_all(kind, [(order.account_id, order.public_id, str(order.target), facts)], now=now)


def facts(order: Order, **more: Any) -> dict[str, Any]:
    """What a notification of an order is about."""
    return {"order": order.public_id, "title": str(order.target), **more}


def tell_all(kind: str, told: Iterable[tuple[UUID, str, str, Mapping[str, Any]]], *, now: datetime) -> None:
    """As `tell`, of many orders in one statement: account, order, title and facts of each."""
    rows = [(account, {"order": order, "title": title, **facts}) for account, order, title, facts in told]
    notify_all(kind=kind, told=rows, now=now)
