"""An order's state and figures in one reading, as its live page shows them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from delivery import results
from orders.models import Order


@dataclass(frozen=True, slots=True)
class Live:
    """Amounts are micros (1 coin = 1,000,000)."""

    order: UUID
    account: UUID
    status: str
    end_reason: str
    cost_micros: int
    spent_micros: int
    """Charged, and not returned."""
    impressions: int
    valid_impressions: int
    actions: dict[str, int]
    unit: str
    starts_at: datetime | None
    ends_at: datetime | None


def live(order_ids: Iterable[UUID]) -> dict[UUID, Live]:
    """Of those orders that exist."""
    orders = Order.objects.filter(id__in=list(order_ids)).select_related("market")
    ids = [order.id for order in orders]
    counts, spent = results.of(ids), results.spent_micros(ids)
    return {
        order.id: Live(
            order=order.id,
            account=order.account_id,
            status=order.status,
            end_reason=order.end_reason,
            cost_micros=order.cost_micros,
            spent_micros=spent[order.id],
            impressions=counts[order.id].impressions,
            valid_impressions=counts[order.id].valid_impressions,
            actions=counts[order.id].actions,
            unit=order.market.action_of_objective[order.objective],
            starts_at=order.starts_at,
            ends_at=order.ends_at,
        )
        for order in orders
    }
