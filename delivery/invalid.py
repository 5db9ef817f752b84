"""Impressions found invalid after they were billed: marked, and returned to who paid, unasked (DESIGN.md 2).

`find` marks the charges, each once for good; `give_back` returns them, an order in a transaction of its own, so that a
run that dies goes on where it stopped. What can't be returned yet (its invoice is on its way) is, by the next run.
"""

import logging
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Count, Exists, Max, OuterRef, Sum
from django.utils.translation import gettext_lazy as _

from delivery import addresses, blocked, ownership, sources
from delivery.engine.tokens import DAY_S, IMPRESSION_LIFE_S, pseudonym
from delivery.models import BlockedSource, ChargeReturn, Finding, FoundReason, InvalidCharge, SweptHour
from orders import charge_returns, lifecycle
from orders.states import FINAL
from promote import ids
from promote.accounts.models import User
from promote.keys import keyring
from promote.refusals import FieldError, Invalid

log = logging.getLogger(__name__)
LOOKS_BACK = timedelta(hours=26)
_TOLD_FOR = timedelta(seconds=IMPRESSION_LIFE_S)
_DRAINED_FOR = timedelta(minutes=5)
"""A shard that stands still for longer has its orders closed, and bills nothing more."""
_MARK = """
    INSERT INTO delivery_invalid_charge (day, token, finding_id, order_id, price_micros)
    SELECT day, token, %(finding)s, order_id, price_micros FROM delivery_event
     WHERE type = 0 AND charged AND day BETWEEN %(first_day)s AND %(last_day)s AND at >= %(since)s AND at < %(until)s
       AND (%(order)s::uuid IS NULL OR order_id = %(order)s)
       AND (%(viewers)s::bigint[] IS NULL OR viewer = ANY(%(viewers)s))
       AND (NOT %(of_source)s OR EXISTS (
            SELECT FROM delivery_charge_source s
             WHERE (s.day, s.token) = (delivery_event.day, delivery_event.token)
               AND s.day BETWEEN %(first_day)s AND %(last_day)s
               AND (s.agent = ANY(%(agents)s) OR s.referrer = ANY(%(referrers)s)
                    OR s.address BETWEEN %(first)s AND %(last)s)))
        ON CONFLICT DO NOTHING
"""
_TOO_FAST = """
    SELECT viewer FROM delivery_event
     WHERE type = 0 AND charged AND day BETWEEN %(first_day)s AND %(last_day)s AND at >= %(since)s AND at < %(until)s
     GROUP BY viewer HAVING count(*) > %(most)s
"""
_HOUR = timedelta(hours=1)


def find(
    *,
    reason: FoundReason,
    since: datetime,
    until: datetime,
    by: User | None,
    now: datetime,
    order_id: UUID | None = None,
    viewers: Collection[int] = (),
    source: BlockedSource | None = None,
    note: str = "",
) -> Finding:
    """Marks what was charged in that time, of the order, to these viewers (pseudonyms), from what ops block, or what
    is all of it. Raises Invalid. Where charges came from is known for SOURCES_KEPT_DAYS."""
    wrong = []
    if since >= until:
        wrong.append(FieldError("until", "invalid", _("It has to end after it began.")))
    if order_id is None and not viewers and source is None:
        wrong.append(FieldError("order", "required", _("Name an order, viewers, or what is blocked.")))
    if wrong:
        raise Invalid(wrong)
    with transaction.atomic():
        finding = Finding.objects.create(
            reason=reason,
            note=note,
            since=since,
            until=until,
            order_id=order_id,
            viewers=sorted(viewers),
            source=source,
            by=by,
            at=now,
        )
        with connection.cursor() as cursor:
            asked = {
                "finding": finding.id,
                "order": order_id,
                "viewers": sorted(viewers) or None,
                "since": since,
                "until": until,
                **_from(source),
                # A row lies in the partition of its decision, which an impression follows within minutes.
                "first_day": (since - _TOLD_FOR).date(),
                "last_day": until.date(),
            }
            cursor.execute(_MARK, asked)
        return finding


def _from(source: BlockedSource | None) -> dict[str, Any]:
    """What is asked of where charges came from."""
    if source is None:
        return {"of_source": False, "agents": [], "referrers": [], "first": b"", "last": b""}
    agents = sources.agents_of(blocked.of(source)) if source.agent else []
    hosts = sources.referrers_of(blocked.of(source)) if source.referrer else []
    first, last = addresses.reach(source.network) if source.network else (None, None)
    return {"of_source": True, "agents": agents, "referrers": hosts, "first": first, "last": last}


def look_back(*, now: datetime) -> int:
    """Finds what was billed since the time that a block looks back to, of those that stand and whose hour is told.
    Each is looked at once. Returns how many were."""
    due = BlockedSource.objects.filter(since__isnull=False, lifted_at=None, at__lte=now - _TOLD_FOR - _DRAINED_FOR)
    done = 0
    done_by_a_run = Finding.objects.filter(source=OuterRef("id"), by=None)
    for source_id in due.exclude(Exists(done_by_a_run)).values_list("id", flat=True):
        with transaction.atomic():
            # A twin waits here, and finds that it was done.
            source = BlockedSource.objects.select_for_update(no_key=True).get(id=source_id)
            if source.findings.filter(by=None).exists():
                continue
            assert source.since is not None
            # Who drained while it was made did not know of it.
            until = source.at + _DRAINED_FOR
            reason = FoundReason(source.reason)
            find(reason=reason, since=source.since, until=until, source=source, by=None, now=now, note=source.note)
            done += 1
    return done


def give_back(*, finding_id: UUID, now: datetime) -> int:
    """Returns what is marked and not returned yet. Returns of how many orders."""
    waiting = InvalidCharge.objects.filter(finding_id=finding_id, returned=None).order_by("order_id")
    done = 0
    for order_id in waiting.values_list("order_id", flat=True).distinct():
        try:
            done += _give_back(finding_id, order_id, now)
        except charge_returns.NotInvoicedYet:
            log.info("invalid traffic: order %s is not invoiced yet, so its charges are returned later", order_id)
    return done


def give_back_due(*, now: datetime) -> int:
    """All findings that still have something to return."""
    waiting = InvalidCharge.objects.filter(returned=None).order_by("finding_id")
    findings = waiting.values_list("finding_id", flat=True).distinct()
    return sum(give_back(finding_id=finding_id, now=now) for finding_id in list(findings))


def sweep(*, now: datetime) -> int:
    """Finds viewers who were billed for more in an hour than a person sees, to return it all.

    Each hour once, when all that happened in it is told: those since the last that was looked at, of a day at first.
    Returns how many hours had some.
    """
    until = (now - _TOLD_FOR - _DRAINED_FOR).replace(minute=0, second=0, microsecond=0)
    last = SweptHour.objects.aggregate(last=Max("hour"))["last"]
    hour, found = last + _HOUR if last else until - LOOKS_BACK, 0
    while hour < until:
        found += _sweep(hour, now)
        hour += _HOUR
    return found


def _sweep(hour: datetime, now: datetime) -> bool:
    with transaction.atomic():
        # A twin waits here, and finds that it was done.
        _row, is_new = SweptHour.objects.get_or_create(hour=hour, defaults={"at": now})
        if not is_new:
            return False
        later = hour + _HOUR
        with connection.cursor() as cursor:
            asked = {"first_day": (hour - _TOLD_FOR).date(), "last_day": later.date(), "since": hour, "until": later}
            cursor.execute(_TOO_FAST, {**asked, "most": settings.VIEWER_IMPRESSIONS_PER_HOUR})
            viewers = [viewer for (viewer,) in cursor.fetchall()]
        if viewers:
            find(reason=FoundReason.VIEWER_TOO_FAST, since=hour, until=later, viewers=viewers, by=None, now=now)
        return bool(viewers)


def pseudonyms(names: Collection[str], *, since: datetime, until: datetime) -> set[int]:
    """Under which these viewers, as their platform names them, stand in the events of that time: the lasting ones, and
    those of each day alone, which they have who limit tracking."""
    keys = keyring.from_settings().all(ownership.PURPOSE)
    first, last = (int(at.timestamp()) // DAY_S for at in (since - _TOLD_FOR, until))
    days = [None, *range(first, last + 1)]
    return {pseudonym(key.secret, name, day=day) for key in keys for name in names for day in days}


def _give_back(finding_id: UUID, order_id: UUID, now: datetime) -> bool:
    with transaction.atomic():
        order = lifecycle.locked(order_id)
        marked = InvalidCharge.objects.filter(finding_id=finding_id, order_id=order_id, returned=None)
        sums = marked.aggregate(impressions=Count("token"), micros=Sum("price_micros"))
        if not sums["impressions"]:
            return False
        finding = Finding.objects.get(id=finding_id)
        before = ChargeReturn.objects.filter(order_id=order_id, after_settlement=True).aggregate(all=Sum("micros"))
        return_id = ids.new()
        back = charge_returns.give_back(
            order_id=order_id,
            invalid=charge_returns.Invalid(sums["impressions"], sums["micros"], str(FoundReason(finding.reason).label)),
            returned_micros=before["all"] or 0,
            ref=ids.public("ret", return_id),
            now=now,
        )
        made = ChargeReturn.objects.create(
            id=return_id,
            finding=finding,
            order_id=order_id,
            impressions=sums["impressions"],
            micros=sums["micros"],
            after_settlement=order.status in FINAL,
            coins=back.coins,
            coupon_micros=back.coupon_micros,
            at=now,
        )
        marked.update(returned=made)
        return True
