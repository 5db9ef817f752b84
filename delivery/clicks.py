"""Which promotion a viewer followed to a product last."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from delivery import ownership
from delivery.engine.tokens import ACTION_LIFE_S, IMPRESSION_LIFE_S, pseudonym
from delivery.engine.vocabulary import EVENT_CODES
from delivery.models import Event
from promote.keys import keyring

_CLICK = EVENT_CODES["product_click"]
CLICK_COUNTS_FOR = timedelta(days=7)
"""How long a click can lead to a purchase; as long as a click itself is taken after its impression (delivery.md 5)."""


def last_click(*, viewer: str, order_ids: Iterable[UUID], before: datetime) -> UUID | None:
    """The order among these whose product this viewer clicked last, at most CLICK_COUNTS_FOR before. Valid clicks only.

    `viewer` is the platform's own name of them, as in its decisions; it is not stored.
    """
    names = [pseudonym(key.secret, viewer) for key in keyring.from_settings().all(ownership.PURPOSE)]
    since = before - CLICK_COUNTS_FOR
    return (
        Event.objects.filter(
            # Rows lie in the partition of their decision, which was made before the click.
            day__gte=(since - timedelta(seconds=IMPRESSION_LIFE_S + ACTION_LIFE_S)).date(),
            day__lte=before.date(),
            type=_CLICK,
            viewer__in=names,
            order_id__in=list(order_ids),
            valid=True,
            at__gt=since,
            at__lte=before,
        )
        .order_by("-at")
        .values_list("order_id", flat=True)
        .first()
    )
