"""The states of an order, and which may follow which."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Status(models.TextChoices):
    IN_REVIEW = "in_review", _("In review")
    SCHEDULED = "scheduled", _("Scheduled")
    DELIVERING = "delivering", _("Running")
    PAUSED = "paused", _("Paused")
    ENDING = "ending", _("Ending")
    SETTLED = "settled", _("Done")
    REJECTED = "rejected", _("Rejected")
    CANCELLED = "cancelled", _("Cancelled")


FINAL = (Status.SETTLED, Status.REJECTED, Status.CANCELLED)
"""Nothing follows; the money is told by `spent_coins` and `refunded_coins`."""

OPEN = (Status.IN_REVIEW, Status.SCHEDULED, Status.DELIVERING, Status.PAUSED)
"""Not ended yet."""

TRANSITIONS: dict[Status, frozenset[Status]] = {
    # A reopened review of an order that has delivered ends by `ending`, since events may be under way.
    Status.IN_REVIEW: frozenset({Status.DELIVERING, Status.ENDING, Status.REJECTED, Status.CANCELLED}),
    Status.SCHEDULED: frozenset({Status.DELIVERING, Status.REJECTED, Status.CANCELLED}),
    # To a final state at once only where nothing was spent: a live is reviewed while it delivers.
    Status.DELIVERING: frozenset({Status.IN_REVIEW, Status.PAUSED, Status.ENDING, Status.REJECTED, Status.CANCELLED}),
    Status.PAUSED: frozenset({Status.DELIVERING, Status.IN_REVIEW, Status.ENDING, Status.REJECTED, Status.CANCELLED}),
    Status.ENDING: frozenset({Status.SETTLED}),
    Status.SETTLED: frozenset(),
    Status.REJECTED: frozenset(),
    Status.CANCELLED: frozenset(),
}


class EndReason(models.TextChoices):
    TIME = "time", _("Its time was over")
    BUDGET = "budget", _("Its budget was spent")
    USER = "user", _("Ended by its owner")
    OPS = "ops", _("Ended by our staff")
    REJECTED = "rejected", _("Rejected in review")
    REVIEW_OVERDUE = "review_overdue", _("Not reviewed in time")
    SUSPENDED = "suspended", _("The video was suspended")
    DELETED = "deleted", _("The video was deleted")
    PRIVATE = "private", _("The video is no longer public")
    SOLD_OUT = "sold_out", _("The product is sold out")
    LIVE_ENDED = "live_ended", _("The live ended")
    NEVER_ON_AIR = "never_on_air", _("The live never went on air")
    RESTRICTED = "restricted", _("The account was restricted")
    PAYMENT_RETURNED = "payment_returned", _("A payment behind it went back")


WAITS_FOR_TOKENS = frozenset({EndReason.TIME, EndReason.USER})
"""Ends whose tokens already out still count for up to a minute. Every other end is a stop: nothing after it counts, or
(a spent budget) no token is out.
"""


class ReviewKind(models.TextChoices):
    FIRST = "first", _("First review")
    REOPENED = "reopened", _("Changed after approval")
    APPEAL = "appeal", _("Appeal")


class ReviewStatus(models.TextChoices):
    PENDING = "in_review", _("In review")
    APPROVED = "approved", _("Approved")
    REJECTED = "rejected", _("Rejected")
    OVERDUE = "overdue", _("Not reviewed in time")
    LAPSED = "lapsed", _("No longer needed")
