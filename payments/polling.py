"""Asking about payments of which we heard nothing, so that each of them ends: a notice may be lost, ours or theirs."""

import logging
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import F

from payments import providers, top_up_ends, top_ups
from payments.gateways import NoSuchGateway
from payments.gateways.base import GatewayAway, GatewayRefused
from payments.models import TopUp, TopUpStatus

log = logging.getLogger(__name__)

SOON_S, RARELY_S = 60, 900
"""The first checks come by the minute, then ever more rarely, up to this."""
GIVE_UP_AFTER_S = 24 * 3600
"""After the page closed: a top-up of which the provider knows nothing is over."""
NOT_STARTED_AFTER = timedelta(minutes=10)
"""A top-up whose provider never answered when it was started: so long its payer may try again with it."""


def poll(*, limit: int, now: datetime) -> int:
    """Confirms up to `limit` open top-ups whose time has come; how many were due. Two pollers share the work.

    A provider that does not answer has three of its payments asked about in a round (providers.Round).
    """
    due, this_round = _claim(limit=limit, now=now), providers.Round()
    for top_up in due:
        if not this_round.has_time_for(top_up.gateway):
            continue
        try:
            is_answered = ask(top_up_id=top_up.id, why="polled", now=now)
        except Exception:  # whatever it is, the others go on
            log.exception("top-up %s can't be asked about", top_up)
        else:
            this_round.note(top_up.gateway, is_answered=is_answered)
    _give_up(now=now)
    return len(due)


def ask(*, top_up_id: UUID, why: str, now: datetime) -> bool:
    """Confirms one top-up; whether its provider answered. One that does not, or not as asked, is no failure of ours:
    it is logged.
    """
    try:
        top_ups.confirm(top_up_id=top_up_id, now=now, why=why)
    except (GatewayAway, GatewayRefused, NoSuchGateway) as error:
        log.warning("top-up %s: the provider did not say what became of it: %s", top_up_id, error)
        return not isinstance(error, GatewayAway)
    except top_ups.Mismatch:
        pass  # written on the top-up, for ops
    return True


def _claim(*, limit: int, now: datetime) -> list[TopUp]:
    """Those that are due, put off until their next check: another poller, or a crash, asks again only then."""
    with transaction.atomic():
        due = list(
            TopUp.objects.select_for_update(skip_locked=True)
            .filter(status=TopUpStatus.PENDING, check_at__lte=now)
            .order_by("check_at")[:limit]
        )
        for top_up in due:
            wait = min(RARELY_S, SOON_S * 2 ** min(top_up.checks, 8))
            TopUp.objects.filter(id=top_up.id).update(check_at=now + timedelta(seconds=wait), checks=F("checks") + 1)
    return due


def _give_up(*, now: datetime) -> None:
    """Ends what never got a payment page, or whose page closed a day ago without a word. Paid late, it is credited
    still.

    What the payer's bank is still moving is not silent, however long it takes.
    """
    unreached = TopUp.objects.filter(status=TopUpStatus.PENDING, provider_ref="", saved=None, check_at__isnull=False)
    unreached = unreached.filter(started_at__lte=now - NOT_STARTED_AFTER)
    for top_up_id in unreached.values_list("id", flat=True)[:100]:
        top_up_ends.not_started(top_up_id=top_up_id, to=TopUpStatus.EXPIRED, now=now)
    closed = now - timedelta(seconds=GIVE_UP_AFTER_S)
    silent = TopUp.objects.filter(status=TopUpStatus.PENDING, problem="", accepted_at=None, expires_at__lte=closed)
    for top_up_id in silent.values_list("id", flat=True)[:100]:
        top_up_ends.give_up(top_up_id=top_up_id, now=now)
