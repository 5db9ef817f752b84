"""What an order's owner is told. The sentences are in promote.notifications; here is what each is told about."""

from datetime import datetime
from typing import Any

from orders.models import Order
from promote.notifications import notify


def tell(order: Order, kind: str, *, now: datetime, **facts: Any) -> None:
    """Writes a notification in the caller's transaction."""
    notify(
        account=order.account,
        kind=kind,
        payload={"order": order.public_id, "title": str(order.target), **facts},
        now=now,
    )
