"""Notices of payment providers: stored raw, answered at once, worked on afterwards, once each.

A notice moves no coin by itself: it makes `top_ups.confirm` ask the provider. So a forged, repeated, late or reordered
one does no harm, and one that was lost is made up for by polling.py.
"""

import contextlib
import json
import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import redis
from django.core.cache import cache
from django.db import connection, transaction
from django.db.models import F

from payments import (
    fraud_warnings,
    gateways,
    payers,
    paying_back,
    refused_notices,
    returns,
    saved_methods,
    store_purchases,
    telling_use,
    top_ups,
)
from payments.gateways.base import BadNotice, GatewayAway, GatewayRefused, NoticeFacts, Reply
from payments.models import Notice, NoticeState, TopUp, TopUpStatus
from promote import ids, unforeseen
from promote.refusals import NotFound

log = logging.getLogger(__name__)

MAX_BYTES = 256 * 1024
MOST_ATTEMPTS = 12
_EARLY_ATTEMPTS = 3
"""So often a notice of money that went back is looked at again whose payment we do not know yet: they race."""
_LEASE_S, _LONGEST_WAIT_S = 60, 3600
_HEADERS_KEPT = ("Content-Type", "User-Agent")
_CALLED, _CALLED_FOR_S = "notices:called", 5
"""While a call for a worker is under way; where it is lost, the next may go out after so long."""
_NOT_OURS = "nothing of ours"


def receive(
    *, gateway: str, path: str, headers: Mapping[str, str], raw: bytes, now: datetime, source: str = ""
) -> Reply:
    """Stores a notice with what its signature was worth, has it worked on once that is committed, and answers as its
    provider expects.

    Known ones are only counted. What is not signed by the provider, or can't be checked, is kept as refused and never
    worked on (refused_notices.py says how many of a `source`). Raises BadNotice, NoSuchGateway, and GatewayAway where
    it can't be checked now.
    """
    here = gateways.named(gateway)
    kept = {name: headers[name][:1000] for name in (*_HEADERS_KEPT, *here.notice_headers) if name in headers}
    try:
        facts = here.parse_notice(headers, raw, path=path, now=now)
    except Exception as error:  # whatever it is, what came is kept
        reason = error.reason if isinstance(error, BadNotice) else "not_checked"
        told = str(error) if isinstance(error, BadNotice) else unforeseen.named(error)
        log.warning("notice refused: %s: %s: %s", gateway, reason, told)
        refused_notices.keep(
            gateway=gateway, reason=reason, sentence=told, raw=raw, headers=kept, source=source, now=now
        )
        raise
    if isinstance(facts, Reply):
        return facts
    store(gateway, facts, raw=raw, headers=kept, now=now)
    return facts.reply


def store(gateway: str, facts: NoticeFacts, *, raw: bytes, headers: Mapping[str, str], now: datetime) -> None:
    """Keeps a notice whose origin is certain, and calls a worker once that is committed; a known one is counted.

    In one statement, since hundreds may come in a second.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            _STORE,
            {
                "gateway": gateway,
                "event_id": facts.event_id,
                "kind": facts.kind,
                "about": facts.about,
                "provider_ref": facts.provider_ref,
                "reference": facts.reference,
                "payment_ref": facts.payment_ref,
                "raw": raw,
                "headers": json.dumps(headers),
                "now": now,
                "state": NoticeState.WAITING if facts.about else NoticeState.IGNORED,
                "done_at": None if facts.about else now,
            },
        )
        ((is_new,),) = cursor.fetchall()
    if is_new and facts.about:
        _wake()


def work(*, limit: int, now: datetime) -> int:
    """For a worker that was called: takes a batch of what waits; where it is full, another is called to work beside."""
    with contextlib.suppress(redis.RedisError):
        cache.delete(_CALLED)  # whoever comes from now on may call again: what they stored may be too late for us
    found = _claim(limit=limit, now=now)
    if len(found) == limit:
        _call()
    _process_all(found, now=now)
    return len(found)


def process_due(*, limit: int, now: datetime) -> int:
    """Does what waiting notices hint at whose time has come, oldest first; how many. Two workers share them.

    Where the provider is away, or we fail, a notice waits (2, 4, … up to an hour) and is tried again, 12 times; then it
    is dead, and waits in the admin.
    """
    found = _claim(limit=limit, now=now)
    _process_all(found, now=now)
    return len(found)


def _process_all(found: Sequence[Notice], *, now: datetime) -> None:
    """One after the other, each in transactions of its own. The top-ups that they name are read at once, and those that
    are done are noted at once: whoever dies before has them done again, which changes nothing.
    """
    named = _named(found)
    done: list[int] = []
    try:
        done.extend(notice.id for notice in found if _process(notice, named.get(notice.reference), now=now))
    finally:
        Notice.objects.filter(id__in=done).update(state=NoticeState.DONE, error="", done_at=now)


def _process(notice: Notice, named: TopUp | None, *, now: datetime) -> bool:
    """Whether it is done; what else became of it stands on it."""
    try:
        is_ours = _work(notice, named, now=now)
    except (GatewayAway, gateways.NoSuchGateway) as error:
        _put_off(notice, error=error, now=now)
    except store_purchases.PurchaseRefused as error:
        store_purchases.count(error)
        state = NoticeState.DEAD if error.is_mendable else NoticeState.IGNORED
        _finish(notice, state, error=f"{error.reason}: {error.told}", now=now)
    except (GatewayRefused, top_ups.Mismatch, returns.ReturnDiffers) as error:
        _finish(notice, NoticeState.DEAD, error=f"{type(error).__name__}: {error}", now=now)
    except Exception as error:  # whatever it is, the others go on, and it is dead in the end, where ops sees it
        log.exception("notice %s can't be worked on", notice)
        _put_off(notice, error=error, now=now)
    else:
        if is_ours:
            return True
        if notice.about == "return" and notice.attempts < _EARLY_ATTEMPTS:
            _put_off(notice, error=_NOT_OURS, now=now)
        else:
            _finish(notice, NoticeState.IGNORED, error=_NOT_OURS, now=now)
    return False


def _work(notice: Notice, named: TopUp | None, *, now: datetime) -> bool:
    """Asks the provider about what the notice is about; whether that is something of ours."""
    if notice.about == "warning":
        fraud_warnings.look(gateway=notice.gateway, ref=notice.provider_ref, now=now)
        return True
    if notice.about == "saved":
        return saved_methods.told_gone(gateway=notice.gateway, token=notice.provider_ref, now=now)
    ours = named if named is not None and named.gateway == notice.gateway else _at_provider(notice)
    top_up = ours or store_purchases.told(gateway=notice.gateway, ref=notice.provider_ref, now=now)
    if top_up is not None and notice.about == "use":
        telling_use.tell(top_up_id=top_up.id)
    elif top_up is not None:
        _act(notice, top_up, now=now)
    return top_up is not None


def _act(notice: Notice, top_up: TopUp, *, now: datetime) -> None:
    """Asks the provider of the payment, and where the notice is about money that went back, of that too."""
    if notice.about != "return" or top_up.status != TopUpStatus.PAID:
        top_ups.confirm_read(top_up, provider_ref=notice.provider_ref, why="notice", now=now)
    payers.keep(notice, top_up)
    if notice.about == "return":
        returns.confirm(top_up_id=top_up.id, now=now)
        paying_back.follow(top_up_id=top_up.id, now=now)


def replay(*, notice_ids: Collection[int], now: datetime) -> int:
    """Puts notices back in line, whatever became of them; paid top-ups stay as they are. Returns how many.

    Not those that were refused at the door: nobody knows who sent them.
    """
    again = Notice.objects.filter(id__in=notice_ids).exclude(state__in=(NoticeState.WAITING, NoticeState.REFUSED))
    with transaction.atomic():
        chosen = list(again.select_for_update())
        Notice.objects.filter(id__in=[notice.id for notice in chosen]).update(
            state=NoticeState.WAITING, attempts=0, try_at=now, error="", done_at=None
        )
        _wake()
    return len(chosen)


def _claim(*, limit: int, now: datetime) -> list[Notice]:
    """Ours for a minute: whoever dies with them leaves them to the next sweep."""
    with transaction.atomic():
        due = Notice.objects.filter(state=NoticeState.WAITING, try_at__lte=now).order_by("try_at")
        found = list(due.defer("raw", "headers").select_for_update(skip_locked=True)[:limit])
        Notice.objects.filter(id__in=[notice.id for notice in found]).update(
            attempts=F("attempts") + 1, try_at=now + timedelta(seconds=_LEASE_S)
        )
    for notice in found:
        notice.attempts += 1
    return found


def _named(found: Iterable[Notice]) -> dict[str, TopUp]:
    """Top-ups by our own id, where the providers repeat it."""
    named: dict[str, UUID] = {}
    for notice in found:
        with contextlib.suppress(NotFound):
            named[notice.reference] = ids.parse("top", notice.reference)
    top_ups_found = TopUp.objects.in_bulk(named.values()) if named else {}
    return {reference: top_ups_found[id_] for reference, id_ in named.items() if id_ in top_ups_found}


def _at_provider(notice: Notice) -> TopUp | None:
    """By the provider's id of its page or payment."""
    found = None
    if notice.provider_ref:
        found = TopUp.objects.filter(gateway=notice.gateway, provider_ref=notice.provider_ref).first()
    if found is None and notice.payment_ref:
        found = TopUp.objects.filter(gateway=notice.gateway, payment_ref=notice.payment_ref).first()
    return found


def _finish(notice: Notice, state: NoticeState, *, error: str, now: datetime) -> None:
    Notice.objects.filter(id=notice.id).update(state=state, error=error[:2000], done_at=now)
    if state == NoticeState.DEAD:
        log.error("notice %s is dead: %s", notice, error)


def _put_off(notice: Notice, *, error: Exception | str, now: datetime) -> None:
    text = error if isinstance(error, str) else unforeseen.named(error)
    if notice.attempts >= MOST_ATTEMPTS:
        _finish(notice, NoticeState.DEAD, error=text, now=now)
        return
    wait = min(_LONGEST_WAIT_S, 2**notice.attempts)
    Notice.objects.filter(id=notice.id).update(error=text[:2000], try_at=now + timedelta(seconds=wait))
    log.warning("notice %s put off %s s: %s", notice, wait, text)


def _wake() -> None:
    transaction.on_commit(_call, robust=True)


def _call() -> None:
    """One message for all that wait: the worker who takes it lets the next be sent (`work`)."""
    from payments.tasks import process_notices

    with contextlib.suppress(redis.RedisError):
        if not cache.add(_CALLED, 1, _CALLED_FOR_S):
            return
    process_notices.apply_async(retry=False)


_STORE = """
    INSERT INTO payments_notice (gateway, event_id, kind, about, provider_ref, reference, payment_ref, raw, headers,
                                 received_at, times_received, state, attempts, try_at, done_at, error)
    VALUES (%(gateway)s, %(event_id)s, %(kind)s, %(about)s, %(provider_ref)s, %(reference)s, %(payment_ref)s, %(raw)s,
            %(headers)s, %(now)s, 1, %(state)s, 0, %(now)s, %(done_at)s, '')
    ON CONFLICT (gateway, event_id) DO UPDATE SET times_received = payments_notice.times_received + 1
    RETURNING times_received = 1
"""
