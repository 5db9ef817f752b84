"""The sentence of every kind of notification. `{names}` come from the payload; numbers of coins with their unit."""

from django.utils.functional import Promise
from django.utils.text import Truncator
from django.utils.translation import gettext_lazy as _

from promote.money import format_coins
from promote.notifications.models import Notification

SENTENCES: dict[str, Promise] = {
    "order_placed": _("Your promotion of “{title}” is in review. Held for it: {coins}."),
    "order_scheduled": _("Your promotion of “{title}” is approved. It starts when the live is on air."),
    "order_running": _("Your promotion of “{title}” is running."),
    "order_in_review_again": _("“{title}” was changed, so its promotion is in review again."),
    "order_not_placed": _(
        "Your payment has come, but the promotion of “{title}” could not be placed: {reason} "
        "The coins are in your balance."
    ),
    "order_rejected": _("Your promotion of “{title}” was rejected: {reason} Back in your balance: {coins}."),
    "order_rejected_running": _(
        "Your promotion of “{title}” was rejected and stops: {reason} "
        "What isn't spent comes back to your balance within 15 minutes of the end."
    ),
    "order_cancelled": _("Your promotion of “{title}” was cancelled. Back in your balance: {coins}."),
    "order_review_overdue": _(
        "We did not review “{title}” in time, so its promotion was cancelled. Back in your balance: {coins}."
    ),
    "order_ended": _(
        "Your promotion of “{title}” has ended. "
        "What isn't spent comes back to your balance within 15 minutes of the end."
    ),
    "order_settled": _("Your promotion of “{title}” spent {spent}. Back in your balance: {coins}."),
    "order_charges_returned": _(
        "We found {times} of the times that “{title}” was shown to be invalid ({reason}). Returned to you: {coins}."
    ),
    "order_charges_credited": _(
        "We found {times} of the times that “{title}” was shown to be invalid ({reason}). "
        "What they cost is in its budget again."
    ),
    "order_appeal_upheld": _("Your appeal was upheld. You can place the promotion of “{title}” again, approved."),
    "order_appeal_refused": _("Your appeal about “{title}” was looked at by another person: the verdict stands."),
    "order_appeal_overdue": _("We did not look at your appeal about “{title}” in time. You can appeal again."),
    "top_up_paid": _("Added to your balance: {coins}."),
    "top_up_failed": _("Your payment for {coins} did not go through. Nothing was taken from your balance."),
    "top_up_expired": _("Your payment for {coins} was not finished in time. You can start again."),
    "transfer_in_part": _(
        "Of your transfer {arrived} arrived; {lacks} are missing. Transfer them with the same reference, or write to "
        "support."
    ),
    "saved_method_gone": _(
        "{label} is saved here no more, since it was removed where it was kept. Nothing is taken from it. You can save "
        "it again with your next payment."
    ),
    "coins_granted": _("Given to you: {coins}."),
    "coins_taken_back": _("A payment of yours went back to you, so its coins left your balance: {coins}."),
    "coins_taken_back_owed": _(
        "A payment of yours went back to you after its coins were spent: of {coins} you owe {owed}. Promotions that "
        "they paid for end, and the next coins that come in pay this first."
    ),
    "coins_given_back": _("What was taken back is in your balance again: {coins}."),
    "coins_corrected": _("Our staff took {coins} from your balance as a correction: {reason}"),
    "debt_written_off": _("What you owed is written off: {coins}. {reason}"),
    "withdrawal_requested": _("Your withdrawal of {coins} is on its way."),
    "withdrawal_in_review": _("Your withdrawal of {coins} is looked at by our staff first."),
    "withdrawal_succeeded": _("Paid back: {coins}. Your bank shows the money within its usual time."),
    "withdrawal_failed": _("Not paid back: {coins}. They are in your balance again."),
    "withdrawal_refused": _("Your withdrawal of {coins} was refused: {reason} The coins are in your balance."),
    "offer_granted": _("You have a new offer: {offer}."),
    "invoice_issued": _("Invoice {number} is ready."),
    "credit_note_issued": _("Credit note {number} is ready. It corrects an earlier document."),
}
COUNTED = ("coins", "spent", "owed")
LONGEST_TITLE = 60
"""A caption may be a story; of one that was told whole, what is new would be found at its end."""


def sentence(notification: Notification) -> str:
    """What the reader sees."""
    told = notification.payload
    facts = _Blank(told | {name: format_coins(told[name]) for name in COUNTED if name in told})
    if "title" in told:
        facts["title"] = Truncator(told["title"]).chars(LONGEST_TITLE)
    return str(SENTENCES[notification.kind]).format_map(facts)


class _Blank(dict[str, object]):
    def __missing__(self, key: str) -> str:
        return "–"
