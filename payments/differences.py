"""Differences between a provider's lines and our rows: found, gone by themselves, or resolved by finance."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from payments.gateways.base import LineKind
from payments.models import (
    Difference,
    DifferenceKind,
    DifferenceNote,
    DifferenceState,
    PaymentReturn,
    ProviderLine,
    ReturnKind,
    ReturnState,
    TopUp,
    TopUpStatus,
)
from promote.accounts.models import User
from promote.refusals import FieldError, Invalid, WrongState

BOOKED_WITHIN = timedelta(hours=3)
"""A provider may book so late what it told us of at once (PayPal does): younger rows of ours are not missed yet."""

_RETURNS = {LineKind.REFUND, LineKind.DISPUTE}
_CAME_BACK = {LineKind.REFUND_FAILED, LineKind.DISPUTE_WON}


@dataclass(frozen=True, slots=True)
class Found:
    kind: DifferenceKind
    subject: str
    at: datetime
    method: str = ""
    top_up: TopUp | None = None
    ours_minor: int | None = None
    ours_currency: str = ""
    theirs_minor: int | None = None
    theirs_currency: str = ""


def compare(*, gateway: str, since: datetime, until: datetime, now: datetime) -> tuple[int, int]:
    """In the caller's transaction: compares what happened from `since` to `until`; how much, and how many new rows.

    An open row which is found no more is gone, and says so; a resolved one stays as it is.
    """
    rows = Difference.objects.select_for_update().filter(gateway=gateway).exclude(kind=DifferenceKind.CLEARING)
    known = {(row.kind, row.subject): row for row in rows}
    still_open = {row.subject for row in known.values() if row.state == DifferenceState.OPEN}
    # Also what is read only now of an earlier time, and what differed before, whenever that was.
    looked_at = Q(at__gte=since, at__lt=until) | Q(read_at=now) | Q(subject__in=still_open)
    lines = list(ProviderLine.objects.filter(looked_at, gateway=gateway))
    told_of = {line.subject for line in lines}
    found = {
        (str(one.kind), one.subject): one
        for one in (*_theirs(gateway, lines), *_ours(gateway, since=since, until=until - BOOKED_WITHIN))
    }
    for place, one in found.items():
        row = known.get(place)
        if row is None:
            open_row(gateway, one, now=now)
        elif row.state == DifferenceState.GONE:
            move(row, to=DifferenceState.OPEN, reason=str(_("Found again.")), now=now)
    for place, row in known.items():
        compared = since <= row.at < until or row.subject in told_of
        if row.state == DifferenceState.OPEN and place not in found and compared:
            move(row, to=DifferenceState.GONE, reason=str(_("Both say the same now.")), now=now)
    return len(lines), len(found.keys() - known.keys())


def resolve(*, difference_id: UUID, reason: str, by: User, now: datetime) -> Difference:
    """Finance has dealt with it. Raises Invalid without a reason, WrongState where it is resolved already."""
    if not reason.strip():
        raise Invalid([FieldError("reason", "required", _("Say how this was resolved."))])
    with transaction.atomic():
        row = Difference.objects.select_for_update(of=("self",)).get(id=difference_id)
        if row.state == DifferenceState.RESOLVED:
            raise WrongState
        move(row, to=DifferenceState.RESOLVED, reason=reason.strip()[:1000], by=by, now=now)
        return row


def _theirs(gateway: str, lines: list[ProviderLine]) -> Iterator[Found]:
    """What the provider has, each compared with our row of it."""
    refs = {line.payment_ref for line in lines if line.payment_ref}
    top_ups = {one.payment_ref: one for one in TopUp.objects.filter(gateway=gateway, payment_ref__in=refs)}
    subjects = {line.subject for line in lines if line.subject}
    known = PaymentReturn.objects.filter(gateway=gateway, provider_ref__in=subjects)
    returned = {one.provider_ref: one for one in known}
    back = ProviderLine.objects.filter(gateway=gateway, kind__in=_CAME_BACK, subject__in=subjects)
    came_back = set(back.values_list("subject", flat=True))
    for line in lines:
        if line.kind == LineKind.PAYMENT:
            yield from _payment(line, top_ups.get(line.payment_ref))
        elif line.kind in _RETURNS | _CAME_BACK:
            stands = line.subject not in came_back
            yield from _returned(line, returned.get(line.subject), top_ups.get(line.payment_ref), stands=stands)
        elif line.kind == LineKind.OTHER:
            theirs: dict[str, Any] = {"theirs_minor": line.amount_minor, "theirs_currency": line.currency}
            yield Found(DifferenceKind.MISSING_HERE, line.ref, line.at, **theirs)


def _payment(line: ProviderLine, top_up: TopUp | None) -> Iterator[Found]:
    theirs: dict[str, Any] = {
        "theirs_minor": line.amount_minor,
        "theirs_currency": line.currency,
        "method": line.method,
    }
    subject = line.payment_ref or line.subject
    if top_up is None or top_up.status != TopUpStatus.PAID:
        yield Found(DifferenceKind.MISSING_HERE, subject, line.at, top_up=top_up, **theirs)
        return
    ours: dict[str, Any] = {"ours_minor": top_up.amount_minor, "ours_currency": top_up.currency, "top_up": top_up}
    theirs["method"] = top_up.method
    if top_up.currency != line.currency:
        yield Found(DifferenceKind.CURRENCY, subject, line.at, **ours, **theirs)
    elif top_up.amount_minor != line.amount_minor:
        yield Found(DifferenceKind.AMOUNT, subject, line.at, **ours, **theirs)


def _returned(
    line: ProviderLine, known: PaymentReturn | None, top_up: TopUp | None, *, stands: bool
) -> Iterator[Found]:
    """`stands`: no line of the provider's says that it came back."""
    came_back = line.kind in _CAME_BACK
    there: dict[str, Any] = {"theirs_minor": line.amount_minor, "theirs_currency": line.currency, "top_up": top_up}
    method = top_up.method if top_up else line.method
    undone = known is not None and known.state == ReturnState.UNDONE
    if known is None or undone == stands:
        yield Found(DifferenceKind.RETURN_UNKNOWN, line.subject, line.at, method=method, **there)
        return
    our_minor = known.amount_minor if came_back else -known.amount_minor
    ours: dict[str, Any] = {"ours_minor": our_minor, "ours_currency": known.currency}
    if known.currency != line.currency:
        yield Found(DifferenceKind.CURRENCY, line.subject, line.at, method=method, **ours, **there)
    elif our_minor != line.amount_minor:
        yield Found(DifferenceKind.AMOUNT, line.subject, line.at, method=method, **ours, **there)


def _ours(gateway: str, *, since: datetime, until: datetime) -> Iterator[Found]:
    """What we have, of which the provider has no line at all."""
    lines = ProviderLine.objects.filter(gateway=gateway)
    paid = TopUp.objects.filter(gateway=gateway, paid_at__gte=since, paid_at__lt=until)
    booked = lines.filter(kind=LineKind.PAYMENT).values("payment_ref")
    for top_up in paid.exclude(payment_ref__in=booked):
        yield Found(
            DifferenceKind.MISSING_THERE,
            top_up.payment_ref or top_up.public_id,
            top_up.paid_at or top_up.started_at,
            method=top_up.method,
            top_up=top_up,
            ours_minor=top_up.amount_minor,
            ours_currency=top_up.currency,
        )
    # What we asked for ourselves has left once it is done: our staff, or finance, may take days until then.
    ours, heard_of = Q(kind=ReturnKind.WITHDRAWAL), Q(noticed_at__gte=since, noticed_at__lt=until)
    moved = (ours & Q(done_at__gte=since, done_at__lt=until)) | (~ours & heard_of)
    gone = PaymentReturn.objects.filter(moved, gateway=gateway)
    gone = gone.exclude(provider_ref="").exclude(provider_ref__in=lines.values("subject")).select_related("top_up")
    for one in gone:
        yield Found(
            DifferenceKind.MISSING_THERE,
            one.provider_ref,
            one.done_at if one.kind == ReturnKind.WITHDRAWAL and one.done_at else one.noticed_at,
            method=one.top_up.method,
            top_up=one.top_up,
            ours_minor=-one.amount_minor,
            ours_currency=one.currency,
        )


def open_row(gateway: str, found: Found, *, now: datetime) -> None:
    """Writes a difference that is new, with its first note."""
    row = Difference.objects.create(
        gateway=gateway,
        method=found.method,
        kind=found.kind,
        subject=found.subject,
        top_up=found.top_up,
        at=found.at,
        ours_minor=found.ours_minor,
        ours_currency=found.ours_currency,
        theirs_minor=found.theirs_minor,
        theirs_currency=found.theirs_currency,
        found_at=now,
    )
    _note(row, reason=str(_("Found.")), by=None, now=now)


def move(row: Difference, *, to: DifferenceState, reason: str, by: User | None = None, now: datetime) -> None:
    """To another state, or the same one, with a note that says why."""
    row.state = to
    row.save(update_fields=["state"])
    _note(row, reason=reason, by=by, now=now)


def _note(row: Difference, *, reason: str, by: User | None, now: datetime) -> None:
    DifferenceNote.objects.create(difference=row, to_state=row.state, reason=reason, by=by, at=now)
