"""Why a payment did not go through, in words that its payer can act on.

Adapters put each provider's own codes into these few. A stolen card is told as any decline: whoever holds it learns
nothing.
"""

from django.utils.translation import gettext_lazy as _

from promote.refusals import Text

SENTENCES: dict[str, Text] = {
    "declined": _("The bank declined it and does not say why. Ask your bank, or pay with something else."),
    "no_funds": _("There was not enough money for it. Pay with something else, or choose a smaller pack."),
    "over_its_limit": _("It would go over a limit that the bank set. Ask your bank, or choose a smaller pack."),
    "expired": _("The card has expired. Remove it in your wallet, and pay with another."),
    "not_supported": _("This can't be paid for with it: the bank allows no such payments. Pay with something else."),
    "not_confirmed": _("The bank wanted you to confirm it, and that did not work. Try again, or pay with another."),
    "bank_away": _("The bank could not be reached. Try again in a few minutes."),
    "cancelled": _("You cancelled it."),
    "not_started": _("The payment provider did not open it, so nothing was taken. Try again, or pay another way."),
    "gone": _("It is saved no more: you, or the provider, removed it. Pay on the provider's page once more."),
}


def sentence(reason: str) -> str:
    """In the reader's language; empty where there is nothing to say."""
    return str(SENTENCES.get(reason, ""))
