"""Money of a paid transfer on its way back by our bank: a list for finance, who sends it.

What came to our own account may have come in lines of several accounts. What goes back goes to the newest line's first,
to each up to what its line brought and has not gone back yet. What came through a provider that pays no transfer back
goes to the account that its payer named (payout_accounts.py). The database lets no more (triggers). The parts of one
refund are sent all or none. One person says that a part was sent (or can't be), another confirms it; only then does the
withdrawal hear of it. Source: issue of methods, DESIGN.md 2 and 6.10.
"""

import contextlib
from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q, QuerySet, Sum
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from payments.adjustments import SamePerson
from payments.models import BankMatch, BankPayout, MatchState, PayoutAccount, PayoutState, TopUp, WithdrawalLeg
from promote import ids
from promote.accounts.models import User
from promote.refusals import FieldError, Invalid, NotFound, Refusal, WrongState

Share = tuple[BankMatch, int]


class NotSoMuch(Exception):
    """More was asked to go back than the lines of the transfer brought and still have."""


class OtherPartSent(Refusal):
    code, title = "other_part_sent", _("Another part of it was sent")
    sentence = _(
        "Another part of this refund was sent, or is said to be, so this one has to go too: all of it goes back, or "
        "none. Agree with the payer on how, send it, and say so with the bank's id."
    )


def ask(*, top_up: TopUp, amount_minor: int, reference: str, now: datetime) -> list[BankPayout]:
    """Puts it on the list, once per reference, a part for each account that gets some. Raises NotSoMuch."""
    with transaction.atomic():
        TopUp.objects.select_for_update(of=("self",)).get(id=top_up.id)
        known = list(BankPayout.objects.filter(reference=reference).order_by("id"))
        return known or [
            BankPayout.objects.create(
                top_up=top_up,
                match=match,
                reference=reference,
                amount_minor=part,
                currency=top_up.currency,
                payee=match.line.payer,
                payee_account=match.line.payer_account,
                asked_at=now,
            )
            for match, part in shares(top_up=top_up, amount_minor=amount_minor)
        ]


def ask_named(*, top_up_id: UUID, amount_minor: int, currency: str, reference: str, now: datetime) -> BankPayout:
    """Puts what goes to the account that a withdrawal's part names on the list, once per reference.

    The database takes that part's account, amount and payment alone, while it is under way (trigger).
    """
    with transaction.atomic():
        TopUp.objects.select_for_update(of=("self",)).get(id=top_up_id)
        known = BankPayout.objects.filter(reference=reference).first()
        return known or BankPayout.objects.create(
            top_up_id=top_up_id,
            payout_account=PayoutAccount.objects.get(legs=ids.parse("wdl", reference)),
            reference=reference,
            amount_minor=amount_minor,
            currency=currency,
            asked_at=now,
        )


def shares(*, top_up: TopUp, amount_minor: int, after_minor: int = 0) -> list[Share]:
    """Which lines' accounts get how much of it, once `after_minor` has gone the same way. Raises NotSoMuch."""
    found = []
    for match, left in _left(top_up):
        passed = min(left, after_minor)
        part = min(left - passed, amount_minor)
        after_minor, amount_minor = after_minor - passed, amount_minor - part
        if part:
            found.append((match, part))
    if amount_minor:
        raise NotSoMuch(f"{amount_minor} more than the lines of {top_up} brought and still have")
    return found


def tell(*, payout_id: UUID, is_sent: bool, told: str, by: User, now: datetime) -> None:
    """Finance sent it, under the bank's id `told`, or can't, and says why. Raises Invalid, WrongState."""
    if not told.strip():
        raise Invalid(
            [FieldError("told", "required", _("Write the bank's id of the transfer, or why it can't be sent."))]
        )
    with transaction.atomic():
        payout, _beside = _locked(payout_id)
        if payout.state not in (PayoutState.WAITING, PayoutState.TOLD):
            raise WrongState
        payout.state, payout.is_sent, payout.told = PayoutState.TOLD, is_sent, told.strip()[:300]
        payout.maker, payout.told_at = by, now
        payout.save()


def confirm(*, payout_id: UUID, by: User, now: datetime) -> None:
    """Another has seen it in the bank's list. One part that can't be sent keeps the parts beside it.

    Raises SamePerson, WrongState, OtherPartSent.
    """
    with transaction.atomic():
        payout, beside = _locked(payout_id)
        if payout.state != PayoutState.TOLD:
            raise WrongState
        if payout.maker_id == by.pk:
            raise SamePerson
        decided = {"checker": by, "decided_at": now}
        _wake(payout.reference, now=now)
        if payout.is_sent:
            BankPayout.objects.filter(id=payout.id).update(state=PayoutState.SENT, **decided)
            return
        if any(one.is_sent for one in beside):
            raise OtherPartSent
        said = {"is_sent": False, "told": payout.told, "maker": payout.maker, "told_at": payout.told_at}
        together = BankPayout.objects.filter(reference=payout.reference)
        together.update(state=PayoutState.TOLD, **said)
        together.update(state=PayoutState.FAILED, **decided)


def beside(payout: BankPayout) -> list[BankPayout]:
    """The other parts of its refund."""
    return list(BankPayout.objects.filter(reference=payout.reference).exclude(id=payout.id).order_by("id"))


def by_reference(payouts: Iterable[BankPayout]) -> dict[str, list[BankPayout]]:
    """Refunds, each with its parts, in the order in which they were asked for."""
    refunds: dict[str, list[BankPayout]] = {}
    for payout in sorted(payouts, key=lambda one: one.id):
        refunds.setdefault(payout.reference, []).append(payout)
    return refunds


def _wake(reference: str, *, now: datetime) -> None:
    """The withdrawal's part hears of it in the worker's next round, and not hours later."""
    with contextlib.suppress(NotFound):
        WithdrawalLeg.objects.filter(id=ids.parse("wdl", reference)).exclude(check_at=None).update(check_at=now)


def _left(top_up: TopUp) -> list[Share]:
    """The newest line first, each with what of it has not gone back."""
    gone = Coalesce(Sum("payouts__amount_minor", filter=~Q(payouts__state=PayoutState.FAILED)), 0)
    brought: QuerySet[BankMatch] = top_up.bank_matches.filter(state=MatchState.APPROVED).select_related("line")
    rows = brought.annotate(left=F("amount_minor") - gone).order_by("-line__booked_on", "-line_id", "-id")
    return [(match, max(0, match.left)) for match in rows]


def _locked(payout_id: UUID) -> tuple[BankPayout, list[BankPayout]]:
    """A part and those beside it, all of them locked."""
    reference = BankPayout.objects.values_list("reference", flat=True).get(id=payout_id)
    parts = list(BankPayout.objects.select_for_update(of=("self",)).filter(reference=reference).order_by("id"))
    return next(one for one in parts if one.id == payout_id), [one for one in parts if one.id != payout_id]
