"""Telling a store that its purchase was delivered: Google gives back within three days what nobody said that of.

It is owed from the moment the coins are there, and told once that is committed; whatever comes between, it is told by
the sweep. A store whose app tells it (Apple's) is owed nothing.
"""

import logging
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from payments import gateways, providers
from payments.gateways.base import GatewayAway, GatewayRefused, WantsDelivery
from payments.models import TopUp

log = logging.getLogger(__name__)

AGAIN_AFTER = timedelta(minutes=10)


def owe(top_up: TopUp, *, now: datetime) -> None:
    """On a top-up that is about to be saved as paid, in the caller's transaction."""
    from payments.tasks import tell_delivered

    if not isinstance(gateways.named(top_up.gateway), WantsDelivery):
        return
    top_up.finish_at = now
    transaction.on_commit(lambda: tell_delivered.apply_async((str(top_up.id),), retry=False), robust=True)


def tell_due(*, limit: int, now: datetime) -> int:
    """Tells up to `limit` that are owed, the oldest first; how many were tried."""
    owed, this_round = TopUp.objects.filter(finish_at__lte=now).order_by("finish_at"), providers.Round()
    due = list(owed.values_list("id", "gateway")[:limit])
    for top_up_id, gateway in due:
        if this_round.has_time_for(gateway):
            this_round.note(gateway, is_answered=tell(top_up_id=top_up_id, now=now))
        else:
            _claim(top_up_id, now=now)  # others have their turn before it
    return len(due)


def tell(*, top_up_id: UUID, now: datetime) -> bool:
    """Tells the store of one, where it is owed; again in ten minutes where it did not answer. Any number of times.

    Whether the store was there.
    """
    if not _claim(top_up_id, now=now):
        return True
    top_up = TopUp.objects.get(id=top_up_id)
    try:
        providers.ask(top_up.gateway, lambda store: _deliver(store, top_up.provider_ref))
    except (GatewayAway, GatewayRefused, gateways.NoSuchGateway) as error:
        log.error("top-up %s: the store was not told that it was delivered: %s", top_up, error)
        return not isinstance(error, GatewayAway)
    TopUp.objects.filter(id=top_up_id).update(finish_at=None)
    return True


def _claim(top_up_id: UUID, *, now: datetime) -> bool:
    """Put off until the next try; whether it was owed."""
    return bool(TopUp.objects.filter(id=top_up_id, finish_at__lte=now).update(finish_at=now + AGAIN_AFTER))


def _deliver(store: object, ref: str) -> None:
    if isinstance(store, WantsDelivery):
        store.delivered(ref)
