"""How a top-up ends, under its lock: paid and credited, failed or expired, each with its row of history."""

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from payments import crediting, currencies, delivering, saved_methods
from payments.gateways.base import Fetched, PaymentState
from payments.models import TopUp, TopUpStatus, TopUpTransition
from payments.models.top_ups import TRANSITIONS
from promote import notifications
from promote.accounts.models import User
from promote.money import exponent
from promote.refusals import FieldError, Invalid, WrongState

_ENDED_AS = {PaymentState.FAILED: TopUpStatus.FAILED, PaymentState.EXPIRED: TopUpStatus.EXPIRED}


def settle(*, top_up: TopUp, fetched: Fetched, ref: str, why: str, now: datetime) -> TopUp:
    """Ends the top-up as the provider's answer says, which has been compared with it. Any number of times, once.

    What has changed since it was read is seen under its lock; it is answered as it is then.
    """
    with transaction.atomic():
        if fetched.state == PaymentState.PAID:
            _pay(top_up, fetched, ref=ref, why=why, now=now)
            return top_up
        top_up = TopUp.objects.select_for_update(of=("self",)).select_related("account").get(id=top_up.id)
        is_open = top_up.status == TopUpStatus.PENDING
        if is_open and fetched.state == PaymentState.SETTLING:
            _accept(top_up, now=now)
        elif is_open and fetched.state in _ENDED_AS:
            top_up.failure = fetched.failure if fetched.state == PaymentState.FAILED else ""
            end(top_up, to=_ENDED_AS[fetched.state], why=why, now=now)
        return top_up


def give_up(*, top_up_id: UUID, now: datetime) -> None:
    """Ends a top-up of which nothing was heard long after its page closed."""
    over(top_up_id, to=TopUpStatus.EXPIRED, why="given_up", now=now)


def not_started(*, top_up_id: UUID, to: TopUpStatus, now: datetime) -> None:
    """Ends a top-up that its provider never opened: nobody can pay it, and it counts against no limit."""
    over(top_up_id, to=to, why="not_started", failure="not_started", now=now)


def over(top_up_id: UUID, *, to: TopUpStatus, why: str, now: datetime, failure: str = "") -> TopUp:
    """Ends one that is still pending; what has ended before stays as it is."""
    with transaction.atomic():
        top_up = TopUp.objects.select_for_update(of=("self",)).select_related("account").get(id=top_up_id)
        if top_up.status == TopUpStatus.PENDING:
            top_up.failure = failure
            end(top_up, to=to, why=why, now=now)
        return top_up


def put_right(*, top_up_id: UUID, reason: str, by: User, now: datetime) -> TopUp:
    """Our staff has dealt with what was paid otherwise than asked, at its provider: it ends without coins, and counts
    against no limit any more. Raises Invalid without a reason, WrongState for one that nothing is wrong with.
    """
    if not reason.strip():
        raise Invalid([FieldError("reason", "required", _("Say what became of the money."))])
    with transaction.atomic():
        top_up = TopUp.objects.select_for_update(of=("self",)).select_related("account").get(id=top_up_id)
        if top_up.status != TopUpStatus.PENDING or not top_up.problem:
            raise WrongState
        end(top_up, to=TopUpStatus.FAILED, why=reason.strip()[:64], by=by, now=now)
        return top_up


def _pay(top_up: TopUp, fetched: Fetched, *, ref: str, why: str, now: datetime) -> None:
    """Paid, credited, told. Once."""
    top_up.status, top_up.provider_ref, top_up.payment_ref = TopUpStatus.PAID, ref, fetched.payment_ref
    top_up.paid_at = top_up.ended_at = now
    top_up.check_at, top_up.problem, top_up.failure = None, "", ""
    if top_up.in_app and (price := store_price(fetched)):
        top_up.amount_minor, top_up.currency, top_up.exponent = price
    delivering.owe(top_up, now=now)
    if not crediting.credit(top_up, why=why, now=now):
        top_up.refresh_from_db()
    elif fetched.saved is not None:
        saved_methods.remember(top_up=top_up, saved=fetched.saved, now=now)


def store_price(fetched: Fetched) -> tuple[int, str, int] | None:
    """Amount, currency and exponent as the store says them; None where it does not, or in no currency of our books."""
    if not fetched.amount_minor or fetched.currency not in currencies.NUMBERS:
        return None
    return fetched.amount_minor, fetched.currency, exponent(fetched.currency)


def _accept(top_up: TopUp, *, now: datetime) -> None:
    """Under the top-up's lock: the payer did their part; the coins come when the money is final."""
    if top_up.accepted_at is None:
        top_up.accepted_at = now
        top_up.save(update_fields=["accepted_at"])


def end(top_up: TopUp, *, to: TopUpStatus, why: str, now: datetime, by: User | None = None) -> None:
    """Under its lock, without coins; its payer is told."""
    came_from = TopUpStatus(top_up.status)
    if to not in TRANSITIONS[came_from]:
        raise ValueError(f"{top_up} can't become {to}: it is {came_from}")
    top_up.status, top_up.ended_at, top_up.check_at = to, now, None
    top_up.save(update_fields=["status", "ended_at", "check_at", "failure"])
    _note(top_up, came_from=came_from, why=why, by=by, now=now)
    kind = "top_up_failed" if to == TopUpStatus.FAILED else "top_up_expired"
    payload = {"top_up": top_up.public_id, "coins": top_up.coins}
    notifications.notify(account=top_up.account, kind=kind, payload=payload, now=now)


def note_start(top_up: TopUp, *, now: datetime) -> None:
    _note(top_up, came_from="", why="started", by=None, now=now)


def _note(top_up: TopUp, *, came_from: str, why: str, by: User | None, now: datetime) -> None:
    TopUpTransition.objects.create(
        top_up=top_up, from_status=came_from, to_status=top_up.status, why=why, by=by, at=now
    )
