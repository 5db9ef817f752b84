"""What a bank line's money is for: proposed by its reference or by hand, decided by a second person, credited once.

A transfer may come in parts, or be too much. A top-up is approved whole: once the lines proposed for it add up to its
price. What is left of a line waits on the work list: to buy coins by itself, to be sent back, or to be set aside.
Locks: top-ups by id, then lines. Source: issue of methods, DESIGN.md 2 and 6.10, payments.md 4.8 (ASVS 2.3.5).
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet, Sum
from django.utils.translation import gettext_lazy as _

from payments import tax, top_ups
from payments.adjustments import SamePerson
from payments.bank import references
from payments.models import (
    BankLine,
    BankMatch,
    MatchState,
    MatchUse,
    TopUp,
    TopUpStatus,
    TopUpTransition,
)
from promote import ids, notifications
from promote.accounts.models import Account, User
from promote.markets.models import CoinPack, PaymentMethod
from promote.markets.taxes import tax_of
from promote.money import format_price
from promote.refusals import FieldError, Invalid, NotFound, Refusal, WrongState

GATEWAY = "bank_transfer"
_PAYABLE = (TopUpStatus.PENDING, TopUpStatus.EXPIRED, TopUpStatus.FAILED)


class NotAllThere(Refusal):
    code, title = "not_all_there", _("Not all of it has arrived")
    sentence = _(
        "{arrived} of {price} has arrived for this top-up. Approve it once the rest is there, or refuse this and let "
        "the line buy coins by itself or be sent back."
    )


def propose_by_reference(*, lines: Sequence[BankLine], by: User, now: datetime) -> list[BankMatch]:
    """In the importing transaction: lines that name top-ups of ours in their currency pay what these still lack."""
    named = {line.id: references.find(line.text) for line in lines if line.amount_minor > 0}
    wanted = {reference for found in named.values() for reference in found}
    by_reference = {one.provider_ref: one for one in _lock(TopUp.objects.filter(provider_ref__in=wanted))}
    made = []
    for line in lines:
        for reference in named.get(line.id, ()):
            top_up = by_reference.get(reference)
            if top_up is not None and (match := _propose_paying(line, top_up, by_reference=True, by=by, now=now)):
                made.append(match)
    for top_up in {match.top_up_id: by_reference[match.top_up.provider_ref] for match in made if match.top_up}.values():
        _arrived(top_up, now=now)
    return made


def propose(
    *,
    line_id: UUID,
    use: MatchUse,
    named: str = "",
    account: Account | None = None,
    reason: str,
    by: User,
    now: datetime,
) -> BankMatch:
    """By hand: the line pays the top-up `named` (its reference or id), buys coins for `account`, or was sent back.

    Raises Invalid with the field, WrongState where nothing of the line is left.
    """
    if not reason.strip():
        raise Invalid([FieldError("reason", "required", _("Say how you know."))])
    top_up = _named(named) if use == MatchUse.PAYS else None
    if use == MatchUse.BUYS and account is None:
        raise Invalid([FieldError("account", "required", _("Name the account that gets the coins."))])
    with transaction.atomic():
        locked = _lock(TopUp.objects.filter(id=top_up.id))[0] if top_up else None
        line = BankLine.objects.select_for_update(of=("self",)).get(id=line_id)
        if not line.left_minor or line.aside_at:
            raise WrongState
        if locked is not None:
            match = _propose_paying(line, locked, by_reference=False, reason=reason, by=by, now=now)
            if match is None:
                told = _("It is paid already, or was to be paid in another currency.")
                raise Invalid([FieldError("named", "invalid", told)])
            _arrived(locked, now=now)
            return match
        if use == MatchUse.BUYS and not _coins_for(line, line.left_minor):
            raise Invalid([FieldError("use", "invalid", _("This buys less than a coin, or is in another currency."))])
        return BankMatch.objects.create(
            line=line,
            use=use,
            account=account if use == MatchUse.BUYS else None,
            amount_minor=line.left_minor,
            by_reference=False,
            reason=reason.strip()[:300],
            maker=by,
            proposed_at=now,
        )


def approve(*, match_id: UUID, by: User, now: datetime) -> None:
    """A second person agrees: what pays a top-up, all lines of it together, credits its coins; once.

    Raises SamePerson, NotAllThere, WrongState.
    """
    with transaction.atomic():
        match = _undecided(match_id, by=by)
        if match.use == MatchUse.PAYS:
            assert match.top_up is not None
            match.top_up.refresh_from_db()
            together = list(_proposed(match.top_up).select_for_update(of=("self",)).order_by("id"))
            if any(one.maker_id == by.pk for one in together):
                raise SamePerson
            arrived = arrived_minor(match.top_up)
            if arrived != match.top_up.amount_minor:
                raise NotAllThere(arrived=_shown(match.top_up, arrived), price=_shown(match.top_up))
        else:
            together = [match]
            if match.use == MatchUse.BUYS:
                match.top_up = _open(match, now=now)
        for one in together:
            one.state, one.checker, one.decided_at = MatchState.APPROVED, by, now
            one.top_up = match.top_up
            one.save(update_fields=["state", "checker", "decided_at", "top_up"])
        if match.top_up is not None:
            top_ups.confirm(top_up_id=match.top_up.id, now=now, why="transfer approved")


def refuse(*, match_id: UUID, reason: str, by: User, now: datetime) -> None:
    """A second person does not agree: the line's money is free again. Raises SamePerson, WrongState, Invalid."""
    if not reason.strip():
        raise Invalid([FieldError("reason", "required", _("Say why."))])
    with transaction.atomic():
        match = _undecided(match_id, by=by)
        match.state, match.checker, match.decided_at = MatchState.REFUSED, by, now
        match.decision = reason.strip()[:300]
        match.save(update_fields=["state", "checker", "decided_at", "decision"])
        if match.top_up is not None and match.top_up.status == TopUpStatus.PENDING:
            TopUp.objects.filter(id=match.top_up.id).update(accepted_at=None)


def set_aside(*, line_id: UUID, reason: str, by: User, now: datetime) -> None:
    """The line is no payment of anybody's (interest, our own transfer): it leaves the work list, and says why."""
    if not reason.strip():
        raise Invalid([FieldError("reason", "required", _("Say what it is."))])
    rows = BankLine.objects.filter(id=line_id, aside_at=None, used_minor=0)
    if not rows.update(aside_at=now, aside_by=by, aside_why=reason.strip()[:300]):
        raise WrongState


def arrived_minor(top_up: TopUp) -> int:
    """What was matched to it so far, decided or not."""
    standing = top_up.bank_matches.exclude(state=MatchState.REFUSED)
    return standing.aggregate(sum=Sum("amount_minor"))["sum"] or 0


def might_be_for(line: BankLine) -> list[TopUp]:
    """Unpaid transfers of just the amount that is left of the line: what its payer may have meant."""
    alike = TopUp.objects.filter(gateway=GATEWAY, status__in=_PAYABLE, currency=line.currency)
    return list(alike.filter(amount_minor=line.left_minor).select_related("account").order_by("-started_at")[:10])


def _propose_paying(
    line: BankLine, top_up: TopUp, *, by_reference: bool, by: User, now: datetime, reason: str = ""
) -> BankMatch | None:
    """What the top-up lacks, as far as the line has it; None where it lacks nothing, or in another currency."""
    lacks = top_up.amount_minor - arrived_minor(top_up)
    amount = min(line.left_minor, lacks)
    if amount <= 0 or top_up.status not in _PAYABLE or top_up.currency != line.currency or top_up.gateway != GATEWAY:
        return None
    match = BankMatch.objects.create(
        line=line,
        use=MatchUse.PAYS,
        top_up=top_up,
        amount_minor=amount,
        by_reference=by_reference,
        reason=reason.strip()[:300],
        maker=by,
        proposed_at=now,
    )
    line.refresh_from_db(fields=["used_minor"])
    return match


def _arrived(top_up: TopUp, *, now: datetime) -> None:
    """Its owner sees that it arrived, whole or in part; the coins come with the approval."""
    arrived = arrived_minor(top_up)
    if arrived == top_up.amount_minor:
        top_ups.confirm(top_up_id=top_up.id, now=now, why="transfer arrived")
        return
    lacks = _shown(top_up, top_up.amount_minor - arrived)
    payload = {"top_up": top_up.public_id, "arrived": _shown(top_up, arrived), "lacks": lacks}
    notifications.notify(account=top_up.account, kind="transfer_in_part", payload=payload, now=now)


def _undecided(match_id: UUID, *, by: User) -> BankMatch:
    """The match under its lock, after the one of its top-up."""
    top_up_id = BankMatch.objects.values_list("top_up_id", flat=True).get(id=match_id)
    if top_up_id:
        _lock(TopUp.objects.filter(id=top_up_id))
    rows = BankMatch.objects.select_for_update(of=("self",)).select_related("top_up", "account", "line__bank_account")
    match = rows.get(id=match_id)
    if match.state != MatchState.PROPOSED:
        raise WrongState
    if match.maker_id == by.pk:
        raise SamePerson
    return match


def _open(match: BankMatch, *, now: datetime) -> TopUp:
    """A top-up of just what the line has left, at the price of the smallest pack."""
    assert match.account is not None
    market = match.line.bank_account.market
    sold = tax_of(market, at=now)
    method = PaymentMethod.objects.filter(market=market, gateway=GATEWAY).first()
    coins = _coins_for(match.line, match.amount_minor)
    if method is None or not coins:
        raise WrongState
    top_up = TopUp.objects.create(
        account=match.account,
        key=f"bank:{match.id.hex}",
        market=market,
        method=method.code,
        gateway=GATEWAY,
        surface="web",
        coins=coins,
        amount_minor=match.amount_minor,
        currency=market.currency,
        exponent=market.exponent,
        tax_name=sold.name,
        tax_percent=sold.percent,
        tax_minor=tax.within(match.amount_minor, sold.percent),
        provider_ref=references.take(),
        started_at=now,
        expires_at=now,
    )
    TopUpTransition.objects.create(top_up=top_up, to_status=top_up.status, why="transfer approved", at=now)
    return top_up


def _coins_for(line: BankLine, amount_minor: int) -> int:
    market = line.bank_account.market
    pack = CoinPack.objects.filter(market=market, surface="web").order_by("coins").first()
    if pack is None or line.currency != market.currency:
        return 0
    return amount_minor * pack.coins // pack.price_minor


def _named(text: str) -> TopUp:
    """By reference, however spaced, or by our id."""
    found = references.find(text)
    rows = TopUp.objects.filter(gateway=GATEWAY)
    try:
        top_up = rows.filter(provider_ref__in=found).first() if found else rows.get(id=ids.parse("top", text.strip()))
    except (NotFound, TopUp.DoesNotExist):
        top_up = None
    if top_up is None:
        told = _("No transfer has this reference or id: RF… with its 12 digits, or top_….")
        raise Invalid([FieldError("named", "not_found", told)])
    return top_up


def _proposed(top_up: TopUp) -> QuerySet[BankMatch]:
    return top_up.bank_matches.filter(state=MatchState.PROPOSED)


def _lock(rows: Iterable[TopUp]) -> list[TopUp]:
    assert isinstance(rows, QuerySet)
    return list(rows.filter(gateway=GATEWAY).select_for_update(of=("self",)).select_related("account").order_by("id"))


def _shown(top_up: TopUp, amount_minor: int | None = None) -> str:
    return format_price(top_up.amount_minor if amount_minor is None else amount_minor, top_up.currency, top_up.exponent)
