"""Asking providers for the refunds of withdrawals, and what became of them. Each leg is asked for once, by its key."""

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F

from payments import debts, gateways, payout_accounts, providers, withdrawals
from payments.gateways.base import (
    Gateway,
    GatewayAway,
    GatewayRefused,
    PaysBack,
    PaysNamedAccount,
    Returned,
    ReturnedState,
)
from payments.models import LegState, TopUp, WithdrawalLeg

log = logging.getLogger(__name__)

SOON_S, RARELY_S = 60, 6 * 3600
_STATES: Mapping[ReturnedState, LegState] = {
    ReturnedState.UNDER_WAY: LegState.SUBMITTED,
    ReturnedState.DONE: LegState.SUCCEEDED,
    ReturnedState.UNDONE: LegState.FAILED,
}


def work(*, limit: int, now: datetime) -> int:
    """Sends legs that wait, and asks after those on their way; how many were due. Two workers share the work.

    Only a refund that was refused ends a leg: a provider that does not say what became of one may have paid it.
    """
    due, this_round = _claim(limit=limit, now=now), providers.Round()
    for leg_id, gateway in due:
        if not this_round.has_time_for(gateway):
            continue
        is_answered = True
        try:
            _advance(leg_id, now=now)
        except (GatewayAway, GatewayRefused, gateways.NoSuchGateway) as error:
            is_answered = not isinstance(error, GatewayAway)
            log.warning("withdrawal leg %s: the provider did not say what became of it: %s", leg_id, error)
        except Exception:  # whatever it is, the others go on
            log.exception("withdrawal leg %s can't be worked on", leg_id)
        this_round.note(gateway, is_answered=is_answered)
    return len(due)


def follow(*, top_up_id: UUID, now: datetime) -> None:
    """A notice said that money of a payment went back, or came back: the legs that asked for it hear what became of it.

    Raises GatewayAway, GatewayRefused.
    """
    legs = WithdrawalLeg.objects.filter(returned__top_up=top_up_id).exclude(state=LegState.FAILED)
    by_reference = {leg.public_id: leg for leg in legs}
    if not by_reference:
        return
    top_up = TopUp.objects.get(id=top_up_id)
    for said in returns_of(top_up, by=top_up.gateway):
        if leg := by_reference.get(said.reference):
            _conclude(leg, said, now=now)


def _advance(leg_id: UUID, *, now: datetime) -> None:
    leg = WithdrawalLeg.objects.select_related("returned__top_up", "withdrawal", "payout_account").get(id=leg_id)
    said = _known(leg)
    if said is None and leg.state == LegState.WAITING and debts.owed_micros(leg.withdrawal.account_id):
        log.warning("withdrawal leg %s is not sent: its account owes coins since it asked", leg)
        withdrawals.conclude(leg_id=leg.id, state=LegState.FAILED, provider_ref="", failure="debt", now=now)
        return
    try:
        said = said or providers.ask(leg.returned.gateway, lambda gateway: _refund(gateway, leg))
    except GatewayRefused as refused:
        if leg.state != LegState.WAITING:
            raise  # it was taken before, so nothing says that it is not paid
        log.error("withdrawal leg %s was refused: %s", leg, refused)
        withdrawals.conclude(leg_id=leg.id, state=LegState.FAILED, provider_ref="", failure=str(refused), now=now)
        return
    _conclude(leg, said, now=now)


def _known(leg: WithdrawalLeg) -> Returned | None:
    """After a crash the refund may be there already, and a key is not kept for ever."""
    if leg.checks <= 1 and leg.state == LegState.WAITING:
        return None
    said = returns_of(leg.returned.top_up, by=leg.returned.gateway)
    return next((one for one in said if one.reference == leg.public_id), None)


def _refund(gateway: Gateway, leg: WithdrawalLeg) -> Returned:
    paid = providers.there(leg.returned.top_up)
    asked: dict[str, Any] = {
        "amount_minor": leg.returned.amount_minor,
        "currency": leg.returned.currency,
        "reference": leg.public_id,
        "key": f"{leg.withdrawal.public_id}:{leg.seq}",
    }
    if leg.payout_account is None:
        return _paying(gateway).refund(paid, **asked)
    if not isinstance(gateway, PaysNamedAccount):
        raise GatewayRefused("this provider pays to no account that is named")
    return gateway.refund_to(paid, to=payout_accounts.opened(leg.payout_account), **asked)


def returns_of(top_up: TopUp, *, by: str) -> list[Returned]:
    """What the gateway `by` has of a payment that went back through it. Raises GatewayAway, GatewayRefused,
    NoSuchGateway.
    """
    return providers.ask(by, lambda gateway: _paying(gateway).returns_of(providers.there(top_up)))


def _paying(gateway: Gateway) -> PaysBack:
    if not isinstance(gateway, PaysBack):
        raise GatewayRefused("this provider pays nothing back")
    return gateway


def _conclude(leg: WithdrawalLeg, said: Returned, *, now: datetime) -> None:
    withdrawals.conclude(leg_id=leg.id, state=_STATES[said.state], provider_ref=said.ref, failure=said.failure, now=now)


def _claim(*, limit: int, now: datetime) -> list[tuple[UUID, str]]:
    """Those that are due, each with its provider, put off until their next check: another worker, or a crash, comes
    again only then.
    """
    with transaction.atomic():
        due = list(
            WithdrawalLeg.objects.select_for_update(skip_locked=True, of=("self",))
            .select_related("returned")
            .filter(check_at__lte=now)
            .order_by("check_at")[:limit]
        )
        for leg in due:
            wait = min(RARELY_S, SOON_S * 2 ** min(leg.checks, 9))
            WithdrawalLeg.objects.filter(id=leg.id).update(
                check_at=now + timedelta(seconds=wait), checks=F("checks") + 1
            )
    return [(leg.id, leg.returned.gateway) for leg in due]
