"""Money of a paid transfer on its way back to its payer's account: a list for finance, who sends it by the bank.

One person says that it was sent (or can't be), another confirms it; only then does the withdrawal hear of it.
"""

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from payments.adjustments import SamePerson
from payments.models import BankPayout, MatchState, PayoutState, TopUp
from promote.accounts.models import User
from promote.refusals import FieldError, Invalid, WrongState


def ask(*, top_up: TopUp, amount_minor: int, reference: str, now: datetime) -> BankPayout:
    """Puts it on the list, once per reference, with the account that the transfer came from."""
    match = (
        top_up.bank_matches.filter(state=MatchState.APPROVED).select_related("line").order_by("-amount_minor").first()
    )
    made, _is_new = BankPayout.objects.get_or_create(
        reference=reference,
        defaults={
            "top_up": top_up,
            "amount_minor": amount_minor,
            "currency": top_up.currency,
            "payee": match.line.payer if match else "",
            "payee_account": match.line.payer_account if match else "",
            "asked_at": now,
        },
    )
    return made


def tell(*, payout_id: UUID, is_sent: bool, told: str, by: User, now: datetime) -> None:
    """Finance sent it, under the bank's id `told`, or can't, and says why. Raises Invalid, WrongState."""
    if not told.strip():
        raise Invalid(
            [FieldError("told", "required", _("Write the bank's id of the transfer, or why it can't be sent."))]
        )
    with transaction.atomic():
        payout = BankPayout.objects.select_for_update().get(id=payout_id)
        if payout.state not in (PayoutState.WAITING, PayoutState.TOLD):
            raise WrongState
        payout.state, payout.is_sent, payout.told = PayoutState.TOLD, is_sent, told.strip()[:300]
        payout.maker, payout.told_at = by, now
        payout.save()


def confirm(*, payout_id: UUID, by: User, now: datetime) -> None:
    """Another has seen it in the bank's list. Raises SamePerson, WrongState."""
    with transaction.atomic():
        payout = BankPayout.objects.select_for_update().get(id=payout_id)
        if payout.state != PayoutState.TOLD:
            raise WrongState
        if payout.maker_id == by.pk:
            raise SamePerson
        payout.state = PayoutState.SENT if payout.is_sent else PayoutState.FAILED
        payout.checker, payout.decided_at = by, now
        payout.save()
