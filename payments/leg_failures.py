"""Why part of a withdrawal was not paid back, in words for whoever asked for it."""

from django.utils.translation import gettext_lazy as _

from payments.models import LegState, WithdrawalLeg
from promote.refusals import Text

SENTENCES: dict[str, Text] = {
    "debt": _("You owed coins; they repaid that. What is left of them is in your balance."),
    "refused": _("Our staff did not let it go. The coins are in your balance."),
    "provider": _("The payment's provider could not pay it back. The coins are in your balance."),
    "payout_account": _(
        "It could not be paid to the bank account that you named. The coins are in your balance: ask again, with "
        "another account or this one mended."
    ),
}


def code_of(leg: WithdrawalLeg) -> str:
    """A word above; empty for what has not failed. What a provider calls it is for our staff."""
    if leg.state != LegState.FAILED:
        return ""
    if leg.failure in SENTENCES:
        return leg.failure
    return "payout_account" if leg.payout_account_id else "provider"


def sentence(leg: WithdrawalLeg) -> str:
    """In the reader's language; empty for what has not failed."""
    return str(SENTENCES.get(code_of(leg), ""))
