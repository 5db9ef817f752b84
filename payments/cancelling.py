"""A payer who changes their mind: an unfinished payment is closed where its provider can close it, and counts no more.

Where it can't be closed it may still be paid, so it stays until its time is over: cancelled here alone, it would let
its payer pay more than the limit. Source: docs/adr/0024, 0042.
"""

import logging
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from payments import gateways, providers, top_up_ends, top_ups
from payments.gateways.base import Cancels, Gateway, GatewayAway, GatewayRefused, TakesLater
from payments.models import TopUp, TopUpStatus
from payments.paying_saved import ASKING
from promote.accounts.models import Account
from promote.refusals import Refusal

log = logging.getLogger(__name__)


class NotCancelled(Refusal):
    """It may still be paid, so it goes on to count until it ends by itself."""

    code, status = "not_cancelled", 409
    title = _("This payment can't be cancelled")
    sentence = _("Its provider can't close it, or it was paid just now. If nobody pays, it ends by itself.")


def can_be(top_up: TopUp) -> bool:
    """Whether its payer may try."""
    if top_up.status != TopUpStatus.PENDING or top_up.accepted_at or not gateways.has_keys(top_up.gateway):
        return False
    if not top_up.provider_ref:
        return top_up.asked_at is None
    return isinstance(gateways.named(top_up.gateway), (Cancels, TakesLater))


def cancel(*, account: Account, public_id: str, now: datetime) -> TopUp:
    """Ends an unfinished payment; one that has ended stays as it is. Raises NotFound, NotCancelled, ProviderAway."""
    top_up = top_ups.get(account=account, public_id=public_id)
    if top_up.status != TopUpStatus.PENDING:
        return top_up
    if not can_be(top_up):
        raise NotCancelled
    try:
        if top_up.provider_ref:
            providers.ask(top_up.gateway, lambda gateway: _close(gateway, top_up.provider_ref))
    except GatewayAway as error:
        raise top_ups.ProviderAway from error
    except GatewayRefused as error:
        log.info("top-up %s could not be cancelled: %s", top_up, error)
        top_ups.hurry(top_up_id=top_up.id, now=now)
        raise NotCancelled from error
    return _end(top_up, now=now)


def _end(top_up: TopUp, *, now: datetime) -> TopUp:
    """Raises NotCancelled where its money is being taken at this moment."""
    with transaction.atomic():
        asked_at = TopUp.objects.select_for_update(of=("self",)).get(id=top_up.id).asked_at
        if asked_at and now < asked_at + ASKING and isinstance(gateways.named(top_up.gateway), TakesLater):
            raise NotCancelled
        return top_up_ends.over(top_up.id, to=TopUpStatus.EXPIRED, why="cancelled", failure="cancelled", now=now)


def _close(gateway: Gateway, ref: str) -> None:
    """Of a gateway whose money we take ourselves nothing has to be closed: we never take it."""
    if isinstance(gateway, Cancels):
        gateway.cancel(ref)
