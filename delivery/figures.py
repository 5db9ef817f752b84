"""An order's state and figures in one reading, as its live page shows them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from delivery import results
from delivery.results import Results
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
    """As the function of this name tells it."""
    impressions: int
    valid_impressions: int
    actions: dict[str, int]
    unit: str
    starts_at: datetime | None
    ends_at: datetime | None


def live(order_ids: Iterable[UUID]) -> dict[UUID, Live]:
    """Of those orders that exist."""
    orders = list(Order.objects.filter(id__in=list(order_ids)).select_related("market"))
    counts = results.of(order.id for order in orders)
    spent = spent_micros(orders, counts)
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


def spent_micros(orders: Sequence[Order], counts: Mapping[UUID, Results]) -> dict[UUID, int]:
    """What each has cost: charged, and not returned while it ran. A final one: what it was settled at, of which the
    user's part is whole coins."""
    running = results.spent_micros({order.id: counts[order.id] for order in orders if not order.is_final})
    return {order.id: order.settled_micros if order.is_final else running[order.id] for order in orders}
