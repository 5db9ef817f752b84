"""Withdrawals: coins go back to the payments that they came from, as refunds of these, oldest first.

Requested, they leave their lots for the withdrawal's own escrow, with their price, and count against what was paid
(PaymentReturn). Each leg is asked for once, by its own key, and ends by itself: paid back, or back on the very lot,
even weeks later. Source: DESIGN.md 2, 6.4 and 6.10; payments.md 6.
"""

import logging
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from payments import debts, fiat, ledger, lots, payout_accounts, uses, withdrawing
from payments.gateways.base import NamedAccount
from payments.ledger import Movement
from payments.models import (
    WITHDRAWAL_TRANSITIONS,
    AccountKind,
    Guard,
    LegState,
    PaymentReturn,
    PayoutAccount,
    ReturnKind,
    ReturnState,
    TopUp,
    Withdrawal,
    WithdrawalLeg,
    WithdrawalStatus,
    WithdrawalTransition,
)
from payments.withdrawing import Part, Plan, WithdrawalNotAvailable
from promote import ids, notifications
from promote.accounts.models import Account, User
from promote.idempotency.answers import KeyReused
from promote.money import coins_to_micros, format_coins, micros_to_coins_ceil
from promote.refusals import FieldError, Invalid, NotFound, Refusal, WrongState

__all__ = ["OwesMeanwhile", "WithdrawalNotAvailable", "approve", "conclude", "get", "refuse", "request"]

log = logging.getLogger(__name__)

TOO_LITTLE = "too_little"


class OwesMeanwhile(Refusal):
    code, status = "coins_owed", 409
    title = _("The account owes coins")
    sentence = _("Since this was asked for, the account owes {coins}. Refuse it: the coins that come back repay first.")


def request(
    *,
    account: Account,
    surface: str,
    coins: int,
    key: str,
    now: datetime,
    payout_account: NamedAccount | None = None,
) -> Withdrawal:
    """Holds `coins` for their payments, and sends them off, or to review where a limit or a named account wants it.

    `payout_account` is given where the plan asks for one, and only there. The same key, the same withdrawal.
    Raises WithdrawalNotAvailable, LimitReached, Invalid, KeyReused.
    """
    known = Withdrawal.objects.filter(account=account, key=key).first()
    if known is not None:
        return _the_same(known, coins, payout_account)
    market = withdrawing.market_for(account, surface)
    with transaction.atomic():
        held = _hold_payments(account)
        ledger.lock([debts.open_for(account.id)])
        known = Withdrawal.objects.filter(account=account, key=key).first()
        if known is not None:
            return _the_same(known, coins, payout_account)
        # A payment that was credited since the others were locked is for the next withdrawal.
        free = lots.lock_free(account=account, now=now)
        free = [one for one in free if one.lot.top_up in held or not one.lot.withdrawable]
        plan = withdrawing.plan(account=account, market=market, surface=surface, free=free, coins=coins, now=now)
        named = payout_accounts.read(payout_account, banks=plan.banks)
        made = _open(account, plan, surface=surface, key=key, now=now)
        to = payout_accounts.keep(named, account=account, banks=plan.banks, now=now) if named else None
        _hold(made, plan.parts, to=to, now=now)
        kind = "withdrawal_in_review" if plan.is_reviewed else "withdrawal_requested"
        _tell(made, kind, coins=made.coins, now=now)
        _wake()
        return made


def get(*, account: Account, public_id: str) -> Withdrawal:
    """The account's own withdrawal. Raises NotFound, also for another's."""
    found = Withdrawal.objects.filter(id=ids.parse("wdr", public_id), account=account).first()
    if found is None:
        raise NotFound
    return found


def approve(*, withdrawal_id: UUID, by: User, now: datetime) -> Withdrawal:
    """Our staff lets it go. Raises WrongState, and OwesMeanwhile: nothing is paid out to who owes."""
    with transaction.atomic():
        found = _locked(withdrawal_id)
        if found.status != WithdrawalStatus.IN_REVIEW:
            raise WrongState
        debt_id = debts.open_for(found.account_id)
        owed_micros = ledger.lock([debt_id])[debt_id].balance
        if owed_micros:
            raise OwesMeanwhile(coins=format_coins(micros_to_coins_ceil(owed_micros)))
        found.legs.update(check_at=now)
        _move(found, to=WithdrawalStatus.REQUESTED, why="approved", by=by, now=now)
        _wake()
        return found


def refuse(*, withdrawal_id: UUID, reason: str, by: User, now: datetime) -> Withdrawal:
    """Our staff won't: all coins return to their lots, and the account is told why. Raises WrongState, Invalid."""
    if not reason.strip():
        raise Invalid([FieldError("reason", "required", "Say why.")])
    with transaction.atomic():
        found = _locked(withdrawal_id)
        if found.status != WithdrawalStatus.IN_REVIEW:
            raise WrongState
        for leg in found.legs.select_related("lot", "returned__top_up"):
            _return(found, leg, failure="refused", now=now)
        ledger.close([found.escrow_id])
        _move(found, to=WithdrawalStatus.REFUSED, why=reason.strip()[:500], by=by, now=now)
        _tell(found, "withdrawal_refused", coins=found.coins, reason=reason.strip(), now=now)
        return found


def conclude(*, leg_id: UUID, state: LegState, provider_ref: str, failure: str = "", now: datetime) -> None:
    """What became of a leg, as the provider says: on its way, paid back, or come back. Again, it changes nothing."""
    with transaction.atomic():
        found = _locked(WithdrawalLeg.objects.values_list("withdrawal_id", flat=True).get(id=leg_id))
        leg = WithdrawalLeg.objects.select_related("lot", "returned__top_up").get(id=leg_id)
        if provider_ref and not leg.returned.provider_ref:
            leg.returned.provider_ref = provider_ref
            leg.returned.save(update_fields=["provider_ref"])
        if found.status == WithdrawalStatus.REQUESTED and state in (LegState.SUBMITTED, LegState.SUCCEEDED):
            _move(found, to=WithdrawalStatus.SUBMITTED, why="submitted", by=None, now=now)
        if state == LegState.SUBMITTED and leg.state == LegState.WAITING:
            leg.state = LegState.SUBMITTED
            leg.save(update_fields=["state"])
        elif state == LegState.SUCCEEDED and leg.state in (LegState.WAITING, LegState.SUBMITTED):
            _pay(found, leg, now=now)
        elif state == LegState.FAILED and leg.state != LegState.FAILED:
            _return(found, leg, failure=failure, now=now)
        _end(found, now=now)


def _hold_payments(account: Account) -> set[UUID | None]:
    """Locks the payments before the ledger accounts, the debt's too, as returns do: what is returnable of them stays
    so. Their ids, and None for coins of no payment of ours.
    """
    bought = account.lots.filter(withdrawable=True).exclude(top_up=None).values("top_up")
    locked = TopUp.objects.select_for_update(of=("self",)).filter(id__in=bought).order_by("id")
    return {None, *locked.values_list("id", flat=True)}


def _the_same(known: Withdrawal, coins: int, payout_account: NamedAccount | None) -> Withdrawal:
    if known.coins != coins or not payout_accounts.is_same(known.payout_account, payout_account):
        raise KeyReused
    return known


def _open(account: Account, plan: Plan, *, surface: str, key: str, now: datetime) -> Withdrawal:
    made_id = ids.new()
    code = f"withdrawal:{ids.public('wdr', made_id)}"
    escrow = ledger.open_account(kind=AccountKind.WITHDRAWAL, guard=Guard.CREDIT, owner=account.id, code=code)
    made = Withdrawal.objects.create(
        id=made_id,
        account=account,
        key=key,
        market=plan.market,
        surface=surface,
        coins=plan.coins,
        escrow_id=escrow,
        status=WithdrawalStatus.IN_REVIEW if plan.is_reviewed else WithdrawalStatus.REQUESTED,
        requested_at=now,
    )
    _note(made, came_from="", why="requested", by=account.user, now=now)
    return made


def _hold(made: Withdrawal, parts: Sequence[Part], *, to: PayoutAccount | None, now: datetime) -> None:
    movements = [Movement(part.lot.ledger_account_id, made.escrow_id, coins_to_micros(part.coins)) for part in parts]
    key, ref = f"withdrawal:{made.public_id}:hold", made.public_id
    ledger.post(kind="withdrawal", key=key, ref=ref, movements=movements, now=now)
    fiat_moves: list[Movement] = []
    for seq, part in enumerate(parts, 1):
        micros = coins_to_micros(part.coins)
        told = uses.record({part.lot.ledger_account_id: micros}, ref=_told(made, seq), now=now)
        price = sum(one.gross_minor for one in told)
        amount = part.price_minor
        if not amount:
            raise Invalid([FieldError("coins", TOO_LITTLE, "This is less than the smallest amount. Take more coins.")])
        fiat_moves += fiat.no_longer_owed(told, to="withdrawals_payable")
        # An earlier refund took whole coins only: what it went back without coins for comes off here.
        fiat_moves += fiat.moved(
            part.top_up.currency, debit="withdrawals_payable", credit="taken_back", amount_minor=price - amount
        )
        returned = PaymentReturn.objects.create(
            top_up=part.top_up,
            kind=ReturnKind.WITHDRAWAL,
            state=ReturnState.UNDER_WAY,
            gateway=part.carrier or part.top_up.gateway,
            amount_minor=amount,
            currency=part.top_up.currency,
            coins=part.coins,
            noticed_at=now,
        )
        waits = made.status == WithdrawalStatus.REQUESTED
        WithdrawalLeg.objects.create(
            withdrawal=made,
            seq=seq,
            lot=part.lot,
            coins=part.coins,
            returned=returned,
            payout_account=to if part.carrier else None,
            check_at=now if waits else None,
        )
    fiat.post(kind="withdrawal_fiat", key=f"{key}:fiat", ref=ref, movements=fiat_moves, now=now)


def _pay(found: Withdrawal, leg: WithdrawalLeg, *, now: datetime) -> None:
    """The provider has paid it back: the coins are gone, and the money has left the clearing account."""
    key = f"withdrawal:{found.public_id}:{leg.seq}:paid"
    gone = [Movement(found.escrow_id, ledger.platform("withdrawn"), coins_to_micros(leg.coins))]
    ledger.post(kind="withdrawal_paid", key=key, ref=found.public_id, movements=gone, now=now)
    _post_paid(found, leg, amount_minor=leg.returned.amount_minor, key=f"{key}:fiat", now=now)
    leg.returned.state, leg.returned.done_at = ReturnState.DONE, now
    leg.returned.save(update_fields=["state", "done_at"])
    leg.state, leg.check_at = LegState.SUCCEEDED, None
    leg.save(update_fields=["state", "check_at"])


def _return(found: Withdrawal, leg: WithdrawalLeg, *, failure: str, now: datetime) -> None:
    """Back to the very lot, and on to what the account owes; its price is owed in coins again."""
    key = f"withdrawal:{found.public_id}:{leg.seq}:failed"
    was_paid = leg.state == LegState.SUCCEEDED
    source = ledger.platform("withdrawn") if was_paid else found.escrow_id
    lot_id, micros = leg.lot.ledger_account_id, coins_to_micros(leg.coins)
    debt_id = debts.open_for(found.account_id)
    locked = ledger.lock([debt_id, lot_id, found.escrow_id])
    repaid = debts.repay(debt_id=debt_id, owed_micros=locked[debt_id].balance, credited=[(lot_id, micros)])
    back = [Movement(source, lot_id, micros), *repaid]
    ledger.post(kind="withdrawal_failed", key=key, ref=found.public_id, movements=back, now=now)
    if was_paid:
        _post_paid(found, leg, amount_minor=-leg.returned.amount_minor, key=f"{key}:clearing", now=now)
    parts = uses.take_back(ref=_told(found, leg.seq), as_ref=f"{_told(found, leg.seq)}:failed", now=now)
    price = -sum(part.gross_minor for part in parts)
    owed = fiat.no_longer_owed(parts, to="withdrawals_payable")
    owed += fiat.moved(
        leg.returned.currency,
        debit="taken_back",
        credit="withdrawals_payable",
        amount_minor=price - leg.returned.amount_minor,
    )
    fiat.post(kind="withdrawal_fiat", key=f"{key}:fiat", ref=found.public_id, movements=owed, now=now)
    leg.returned.state, leg.returned.undone_at = ReturnState.UNDONE, now
    leg.returned.save(update_fields=["state", "undone_at"])
    leg.state, leg.failure, leg.check_at = LegState.FAILED, failure[:255], None
    leg.save(update_fields=["state", "failure", "check_at"])


def _post_paid(found: Withdrawal, leg: WithdrawalLeg, *, amount_minor: int, key: str, now: datetime) -> None:
    clearing = f"clearing:{leg.returned.gateway}"
    moves = fiat.moved(leg.returned.currency, debit="withdrawals_payable", credit=clearing, amount_minor=amount_minor)
    fiat.post(kind="withdrawal_fiat", key=key, ref=found.public_id, movements=moves, now=now)


def _end(found: Withdrawal, *, now: datetime) -> None:
    """Once every leg has ended, so has the withdrawal: its escrow is empty, and its owner is told."""
    states = set(found.legs.values_list("state", flat=True))
    if states & {LegState.WAITING, LegState.SUBMITTED}:
        return
    to = WithdrawalStatus.PARTLY
    if len(states) == 1:
        to = WithdrawalStatus.SUCCEEDED if LegState.SUCCEEDED in states else WithdrawalStatus.FAILED
    if found.status == to:
        return
    ledger.close([found.escrow_id])
    _move(found, to=to, why="concluded", by=None, now=now)
    failed = sum(found.legs.filter(state=LegState.FAILED).values_list("coins", flat=True))
    for kind, coins in (("withdrawal_succeeded", found.coins - failed), ("withdrawal_failed", failed)):
        if coins:
            _tell(found, kind, coins=coins, now=now)


def _tell(found: Withdrawal, kind: str, *, now: datetime, **about: object) -> None:
    payload = {"withdrawal": found.public_id, **about}
    notifications.notify(account=found.account, kind=kind, payload=payload, now=now)


def _locked(withdrawal_id: UUID) -> Withdrawal:
    """The withdrawal, and then the payments of its legs, locked."""
    rows = Withdrawal.objects.select_for_update(of=("self",)).select_related("account", "market")
    found = rows.get(id=withdrawal_id)
    payments = PaymentReturn.objects.filter(leg__withdrawal=found).values("top_up")
    list(TopUp.objects.select_for_update(of=("self",)).filter(id__in=payments).order_by("id").values_list("id"))
    return found


def _move(found: Withdrawal, *, to: WithdrawalStatus, why: str, by: User | None, now: datetime) -> None:
    came_from = WithdrawalStatus(found.status)
    if to not in WITHDRAWAL_TRANSITIONS[came_from]:
        raise ValueError(f"{found} can't become {to}: it is {came_from}")
    found.status = to
    if to not in (WithdrawalStatus.REQUESTED, WithdrawalStatus.SUBMITTED):
        found.ended_at = now
    found.save(update_fields=["status", "ended_at"])
    _note(found, came_from=came_from, why=why, by=by, now=now)


def _note(found: Withdrawal, *, came_from: str, why: str, by: User | None, now: datetime) -> None:
    WithdrawalTransition.objects.create(
        withdrawal=found, from_status=came_from, to_status=found.status, why=why, by=by, at=now
    )


def _told(made: Withdrawal, seq: int) -> str:
    return f"{made.public_id}:{seq}"


def _wake() -> None:
    from payments.tasks import work_on_withdrawals

    transaction.on_commit(lambda: work_on_withdrawals.apply_async(retry=False), robust=True)
