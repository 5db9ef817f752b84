"""Taking a payment from what its payer saved: after the commit, once, whatever is lost on the way.

The same key as often as the provider is asked, so any number of tries take it once. Source: docs/adr/0017.
"""

import logging
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from payments import providers, purchases, saved_methods, top_up_ends
from payments.gateways.base import Declined, Finds, Gateway, GatewayRefused, Purchase, SavedGone, Started
from payments.models import SavedMethod, TopUp, TopUpStatus

log = logging.getLogger(__name__)

ASKING = timedelta(seconds=30)
"""Longer than asking a provider ever takes: who asks for what was saved is alone with it so long."""


def pay(top_up: TopUp, *, now: datetime) -> TopUp:
    """Has the provider take the money from what its owner saved there. The same key as often as it is asked for.

    Removed meanwhile, or too late, nothing is asked for any more; but what was asked before may have been taken, so
    its provider says whether it was. One that can't say tells of it by its notice.

    Raises GatewayAway, and GatewayRefused where what was asked before may have been taken.
    """
    claimed = _claim(top_up.id, now=now)
    if claimed is None:
        return TopUp.objects.get(id=top_up.id)
    top_up, saved, may_ask, asked_before = claimed
    purchase = purchases.of(top_up, account=top_up.account, return_url=top_up.return_url, saved=saved)
    key = f"{top_up.public_id}:v1"
    try:
        started = providers.ask(
            top_up.gateway, lambda gateway: gateway.start(purchase, key=key) if may_ask else _find(gateway, purchase)
        )
    except GatewayRefused as error:
        if asked_before and not isinstance(error, (Declined, SavedGone)):
            raise  # a refused question says nothing of what was taken before: it is asked again
        log.warning("top-up %s: what was saved does not pay: %s", top_up, error)
        if isinstance(error, SavedGone):
            saved_methods.is_gone(saved, now=now)
        return top_up_ends.over(top_up.id, to=TopUpStatus.FAILED, why="saved_refused", failure=_failure(error), now=now)
    if started is None:
        return top_up_ends.over(top_up.id, to=TopUpStatus.EXPIRED, why="not_taken", now=now)
    purchases.keep_next(top_up, started)
    return top_up


def _claim(top_up_id: UUID, *, now: datetime) -> tuple[TopUp, SavedMethod, bool, bool] | None:
    """The top-up for whoever asks the provider now, whether it may still be paid, and whether it was asked for before;
    None where another one asks, or nothing is left to ask.
    """
    with transaction.atomic():
        rows = TopUp.objects.select_for_update(of=("self",)).select_related("account")
        top_up = rows.get(id=top_up_id)
        saved = SavedMethod.objects.select_for_update(of=("self",)).get(top_ups=top_up)
        if top_up.status != TopUpStatus.PENDING or top_up.provider_ref:
            return None
        if top_up.asked_at and now < top_up.asked_at + ASKING:
            return None
        may_ask = saved.removed_at is None and now < top_up.expires_at
        if not may_ask and top_up.asked_at is None:
            top_up_ends.end(top_up, to=TopUpStatus.EXPIRED, why="not_taken", now=now)
            return None
        asked_before, top_up.asked_at = top_up.asked_at is not None, now
        top_up.save(update_fields=["asked_at"])
        return top_up, saved, may_ask, asked_before


def _find(gateway: Gateway, purchase: Purchase) -> Started | None:
    return gateway.find(purchase) if isinstance(gateway, Finds) else None


def _failure(error: GatewayRefused) -> str:
    if isinstance(error, SavedGone):
        return "gone"
    return error.reason if isinstance(error, Declined) else ""
