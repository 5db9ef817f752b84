"""The sentence of every kind of notification. `{names}` come from the payload."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from promote.notifications.models import Notification

SENTENCES: dict[str, Promise] = {
    "order_placed": _("Your promotion of “{title}” is in review. {coins} coins are held for it."),
    "order_scheduled": _("Your promotion of “{title}” is approved. It starts when the live is on air."),
    "order_running": _("Your promotion of “{title}” is running."),
    "order_in_review_again": _("“{title}” was changed, so its promotion is in review again."),
    "order_rejected": _("Your promotion of “{title}” was rejected: {reason} {coins} coins are back in your balance."),
    "order_rejected_running": _(
        "Your promotion of “{title}” was rejected and stops: {reason} What isn't spent comes back within 15 minutes."
    ),
    "order_cancelled": _("Your promotion of “{title}” was cancelled. {coins} coins are back in your balance."),
    "order_review_overdue": _(
        "We did not review “{title}” in time, so its promotion was cancelled. {coins} coins are back in your balance."
    ),
    "order_ended": _("Your promotion of “{title}” has ended. What isn't spent comes back within 15 minutes."),
    "order_settled": _("Your promotion of “{title}” spent {spent} coins. {coins} coins are back in your balance."),
    "order_appeal_upheld": _("Your appeal was upheld. You can place the promotion of “{title}” again, approved."),
    "order_appeal_refused": _("Your appeal about “{title}” was looked at by another person: the verdict stands."),
    "order_appeal_overdue": _("We did not look at your appeal about “{title}” in time. You can appeal again."),
    "top_up_paid": _("{coins} coins were added to your balance."),
    "top_up_failed": _("Your payment for {coins} coins did not go through. Nothing was taken from your balance."),
    "top_up_expired": _("Your payment for {coins} coins was not finished in time. You can start again."),
    "coins_granted": _("{coins} coins were given to you."),
    "offer_granted": _("You have a new offer: {offer}."),
    "invoice_issued": _("Invoice {number} is ready."),
}


def sentence(notification: Notification) -> str:
    """What the reader sees."""
    return str(SENTENCES[notification.kind]).format_map(_Blank(notification.payload))


class _Blank(dict[str, object]):
    def __missing__(self, key: str) -> str:
        return "–"
