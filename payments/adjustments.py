"""Adjustments by finance: one person proposes, another approves, and only then a journal moves the money, once.

Nothing is mended by editing a row. Coins given come with their cost on a named account (`goodwill`, `correction`), so
that what they were for is told by its balance. Source: DESIGN.md 6.1, payments.md 7 (ASVS 2.3.5).
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from payments import clawbacks, debts, fiat, gateways, ledger, lots, repayments, uses, wallet, write_offs
from payments.ledger import Movement
from payments.models import Adjustment, AdjustmentKind, AdjustmentState, Journal, Lot, TopUp
from promote import notifications
from promote.accounts.models import Account, User
from promote.money import MICROS, coins_to_micros, format_coins
from promote.refusals import FieldError, Invalid, Refusal, WrongState

MOST_COINS = 10_000_000
CODES = ("bank", "coin_liability", "correction", "gateway_fees", "revenue", "taken_back", "tax_payable", "write_off")
CLEARING = tuple(f"clearing:{gateway}" for gateway in sorted(gateways.METHODS))
"""Accounts of a currency that an adjustment may name."""


class SamePerson(Refusal):
    code, status = "not_allowed", 403
    title = _("Another person decides")
    sentence = _("You proposed this yourself. Another person of finance has to approve or refuse it.")


class MoreThanOwed(Refusal):
    code = "more_than_owed"
    title = _("More than is owed")
    sentence = _("The account owes {owed} coins only.")


class MoreThanLeft(Refusal):
    code = "more_than_left"
    title = _("More than can be taken back")
    sentence = _(
        "Only {left} of this lot can be charged back: the rest went back with its payment, or was charged back before."
    )


def propose_coins(
    *,
    kind: AdjustmentKind,
    account: Account,
    coins: int,
    reason: str,
    by: User,
    now: datetime,
    lot: Lot | None = None,
) -> Adjustment:
    """Proposes to move coins of an account; nothing moves yet. Raises Invalid."""
    _check(reason)
    if not 0 < abs(coins) <= MOST_COINS or (coins < 0 and kind != AdjustmentKind.CORRECTION):
        told = _("Whole coins above 0, up to %d; only a correction may be below 0.") % MOST_COINS
        raise Invalid([FieldError("coins", "invalid", told)])
    if (kind == AdjustmentKind.CHARGEBACK) != (lot is not None) or (lot and lot.account_id != account.id):
        raise Invalid([FieldError("lot", "invalid", _("A chargeback names a lot of this account; nothing else does."))])
    if lot is not None and coins > (left := clawbacks.left([lot])[lot.id]):
        raise Invalid([FieldError("coins", "invalid", MoreThanLeft(left=format_coins(left)).detail)])
    return Adjustment.objects.create(
        kind=kind, account=account, lot=lot, coins=coins, reason=reason.strip(), maker=by, proposed_at=now
    )


def propose_books(
    *, currency: str, debit_code: str, credit_code: str, amount_minor: int, reason: str, by: User, now: datetime
) -> Adjustment:
    """Proposes to move `amount_minor` between two named accounts of a currency. Raises Invalid."""
    _check(reason)
    wrong = [
        FieldError(field, "invalid_choice", _("Name one of: %s") % ", ".join((*CODES, *CLEARING)))
        for field, code in (("debit_code", debit_code), ("credit_code", credit_code))
        if code not in CODES and code not in CLEARING
    ]
    if debit_code == credit_code:
        wrong.append(FieldError("credit_code", "invalid", _("Name two different accounts.")))
    if wrong:
        raise Invalid(wrong)
    return Adjustment.objects.create(
        kind=AdjustmentKind.BOOKS,
        currency=currency,
        debit_code=debit_code,
        credit_code=credit_code,
        amount_minor=amount_minor,
        reason=reason.strip(),
        maker=by,
        proposed_at=now,
    )


def approve(*, adjustment_id: UUID, by: User, now: datetime) -> Adjustment:
    """Moves what was proposed, once, and tells the account. Raises SamePerson, WrongState, and what the move raises:
    InsufficientCoins, MoreThanOwed, MoreThanLeft.
    """
    with transaction.atomic():
        found = _undecided(adjustment_id, by=by)
        found.journal = _MOVES[AdjustmentKind(found.kind)](found, now)
        found.state, found.checker, found.decided_at = AdjustmentState.APPROVED, by, now
        found.save(update_fields=["journal", "state", "checker", "decided_at"])
        return found


def refuse(*, adjustment_id: UUID, reason: str, by: User, now: datetime) -> Adjustment:
    """Nothing moves. Raises SamePerson, WrongState, Invalid without a reason."""
    _check(reason)
    with transaction.atomic():
        found = _undecided(adjustment_id, by=by)
        found.state, found.checker, found.decided_at = AdjustmentState.REFUSED, by, now
        found.decision = reason.strip()[:500]
        found.save(update_fields=["state", "checker", "decided_at", "decision"])
        return found


def _undecided(adjustment_id: UUID, *, by: User) -> Adjustment:
    found = (
        Adjustment.objects.select_for_update(of=("self",))
        .select_related("account", "lot__account", "maker")
        .get(id=adjustment_id)
    )
    if found.state != AdjustmentState.PROPOSED:
        raise WrongState
    if found.maker_id == by.pk:
        raise SamePerson
    return found


def _check(reason: str) -> None:
    if not reason.strip():
        raise Invalid([FieldError("reason", "required", _("Say why."))])


def _give(adjustment: Adjustment, now: datetime) -> Journal:
    """Coins as a grant; what they cost us stands on the account of the adjustment's kind."""
    account, coins = _of(adjustment)
    key = f"adjustment:{adjustment.public_id}"
    lot = wallet.grant(account=account, coins=coins, key=f"{key}:coins", reason=adjustment.reason[:200], now=now)
    cost = [Movement(ledger.platform(adjustment.kind), ledger.platform("issuance"), coins_to_micros(coins))]
    ledger.post(kind=adjustment.kind, key=key, ref=adjustment.public_id, movements=cost, now=now)
    repayments.tell(owner=account.id, now=now)
    notifications.notify(account=account, kind="coins_granted", payload={"coins": coins}, now=now)
    return lot.opening


def _correct(adjustment: Adjustment, now: datetime) -> Journal:
    account, coins = _of(adjustment)
    if coins > 0:
        return _give(adjustment, now)
    key, ref = f"adjustment:{adjustment.public_id}", adjustment.public_id
    free = lots.lock_free(account=account, now=now)
    taken = lots.spend(free, account=account, micros=coins_to_micros(-coins))
    correction = ledger.platform("correction")
    movements = [Movement(part.ledger_account_id, correction, part.micros) for part in taken]
    posted = ledger.post(kind="correction", key=key, ref=ref, movements=movements, now=now)
    parts = uses.record({part.ledger_account_id: part.micros for part in taken}, ref=ref, now=now)
    no_longer_owed = fiat.no_longer_owed(parts, to="correction")
    fiat.post(kind="correction_fiat", key=f"{key}:fiat", ref=ref, movements=no_longer_owed, now=now)
    payload = {"coins": -coins, "reason": adjustment.reason}
    notifications.notify(account=account, kind="coins_corrected", payload=payload, now=now)
    return Journal.objects.get(id=posted.journal_id)


def _write_off(adjustment: Adjustment, now: datetime) -> Journal:
    """Coins, and what they cost us, in one journal."""
    account, coins = _of(adjustment)
    debt_id = debts.open_for(account.id)
    owed = ledger.lock([debt_id])[debt_id].balance
    if owed < coins_to_micros(coins):
        raise MoreThanOwed(owed=owed // MICROS)
    forgiven = [Movement(ledger.platform("write_off"), debt_id, coins_to_micros(coins))]
    forgiven += write_offs.cost(debt_id=debt_id, micros=coins_to_micros(coins))
    key, ref = f"adjustment:{adjustment.public_id}", adjustment.public_id
    posted = ledger.post(kind="write_off", key=key, ref=ref, movements=forgiven, now=now)
    payload = {"coins": coins, "reason": adjustment.reason}
    notifications.notify(account=account, kind="debt_written_off", payload=payload, now=now)
    return Journal.objects.get(id=posted.journal_id)


def _charge_back(adjustment: Adjustment, now: datetime) -> Journal:
    """The account is told by the clawback. Its payment is locked first, as by all that takes coins of it back."""
    lot = adjustment.lot
    assert lot is not None
    _account, coins = _of(adjustment)
    key = f"adjustment:{adjustment.public_id}"
    if lot.top_up:
        TopUp.objects.select_for_update(of=("self",)).get(id=lot.top_up)
    if coins > (left := clawbacks.left([lot])[lot.id]):
        raise MoreThanLeft(left=format_coins(left))
    clawbacks.claw_back(lot=lot, coins=coins, key=key, now=now)
    return Journal.objects.get(key=key)


def _book(adjustment: Adjustment, now: datetime) -> Journal:
    assert adjustment.amount_minor is not None
    movements = fiat.moved(
        adjustment.currency,
        debit=adjustment.debit_code,
        credit=adjustment.credit_code,
        amount_minor=adjustment.amount_minor,
    )
    key, ref = f"adjustment:{adjustment.public_id}", adjustment.public_id
    posted = ledger.post(kind="books", key=key, ref=ref, movements=movements, now=now)
    return Journal.objects.get(id=posted.journal_id)


def _of(adjustment: Adjustment) -> tuple[Account, int]:
    assert adjustment.account is not None
    assert adjustment.coins is not None
    return adjustment.account, adjustment.coins


_MOVES: Mapping[AdjustmentKind, Callable[[Adjustment, datetime], Journal]] = {
    AdjustmentKind.GOODWILL: _give,
    AdjustmentKind.CORRECTION: _correct,
    AdjustmentKind.WRITE_OFF: _write_off,
    AdjustmentKind.CHARGEBACK: _charge_back,
    AdjustmentKind.BOOKS: _book,
}
