"""What a store told while nobody heard it: fetched from the store, and worked on as any notice is."""

import logging
from datetime import datetime, timedelta

from payments import gateways, notices, providers
from payments.gateways.base import Gateway, GatewayAway, GatewayRefused, NoticeFacts, TellsAgain
from payments.models import Notice

log = logging.getLogger(__name__)

LOOK_BACK = timedelta(days=7)
"""Longer than an outage may last, and within what the stores keep (Google 30 days, Apple 180)."""


def catch_up(*, now: datetime) -> int:
    """Asks every store that can be asked; how many notices were new. One that is away holds up no other."""
    new = 0
    for name in gateways.names():
        if not isinstance(gateways.named(name), TellsAgain):
            continue
        try:
            found = providers.ask(name, lambda store: _untold(store, now=now))
        except (GatewayAway, GatewayRefused) as error:
            log.error("what %s told meanwhile is not known: %s", name, error)
            continue
        event_ids = [facts.event_id for facts, _ in found]
        known = set(Notice.objects.filter(gateway=name, event_id__in=event_ids).values_list("event_id", flat=True))
        for facts, raw in found:
            if facts.event_id not in known:
                notices.store(name, facts, raw=raw, headers={}, now=now)
                new += 1
    return new


def _untold(store: Gateway, *, now: datetime) -> list[tuple[NoticeFacts, bytes]]:
    return list(store.untold(since=now - LOOK_BACK, until=now)) if isinstance(store, TellsAgain) else []
