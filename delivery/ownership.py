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
_known: dict[UUID, frozenset[int]] = {}


def of(orders: Iterable[UUID]) -> dict[UUID, frozenset[int]]:
    """Pseudonyms by order, of those orders that exist. An order's owner never changes: each is looked up once."""
    wanted = list(orders)
    if len(_known) > _MOST:
        _known.clear()
    if missing := [order for order in wanted if order not in _known]:
        rows = Order.objects.filter(id__in=missing).values_list("id", "account_id", "account__external_id")
        _known.update({order: _pseudonyms(external_id, account_id) for order, account_id, external_id in rows})
    return {order: _known[order] for order in wanted if order in _known}


def _pseudonyms(external_id: str, account_id: UUID) -> frozenset[int]:
    keys = keyring.from_settings().all(PURPOSE)
    return frozenset(
        pseudonym(key.secret, name)
        for key in keys
        for name in names(external_id=external_id, public_id=ids.public("acc", account_id))
    )
