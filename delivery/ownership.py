"""Under which pseudonyms an order's owner would appear as a viewer."""

from collections.abc import Iterable
from uuid import UUID

from delivery.engine.tokens import pseudonym
from orders.models import Order
from promote import ids
from promote.keys import keyring

PURPOSE = "holdout"
"""The key of viewers' pseudonyms: that of everything that is drawn by viewer."""


def names(*, external_id: str, public_id: str) -> tuple[str, ...]:
    """What a platform may call the owner when it asks for a decision."""
    return external_id, public_id


_MOST = 100_000
_owners: dict[UUID, tuple[str, ...]] = {}
_known: dict[tuple[UUID, int], frozenset[int]] = {}


def of(orders: Iterable[UUID], *, days: Iterable[int]) -> dict[UUID, frozenset[int]]:
    """Pseudonyms by order, of those orders that exist: the lasting ones, and those of these days (counted from 1970)
    alone. An order's owner never changes: each is looked up once."""
    wanted, of_days = list(orders), list(days)
    if len(_known) > _MOST:
        _known.clear()
        _owners.clear()
    if missing := [order for order in wanted if order not in _owners]:
        rows = Order.objects.filter(id__in=missing).values_list("id", "account_id", "account__external_id")
        for order, account_id, external_id in rows:
            _owners[order] = names(external_id=external_id, public_id=ids.public("acc", account_id))
    known = [order for order in wanted if order in _owners]
    return {order: frozenset().union(*(_pseudonyms(order, day) for day in of_days)) for order in known}


def _pseudonyms(order: UUID, day: int) -> frozenset[int]:
    if (found := _known.get((order, day))) is None:
        keys = keyring.from_settings().all(PURPOSE)
        found = _known[order, day] = frozenset(
            pseudonym(key.secret, name, day=when) for key in keys for name in _owners[order] for when in (None, day)
        )
    return found
