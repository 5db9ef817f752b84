"""The words and signs of the pages: how a status, an objective, a reason is called, and which icon stands beside it."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from payments.saved_methods import TERMS

Text = str | Promise


@dataclass(frozen=True, slots=True)
class Pill:
    word: Text
    icon: str
    tone: str = ""
    """`good`, `warn`, `bad`, `accent` or nothing: never the only difference between two pills."""


STATUSES: dict[str, Pill] = {
    "in_review": Pill(_("In review"), "clock", "warn"),
    "scheduled": Pill(_("Scheduled"), "calendar", "accent"),
    "delivering": Pill(_("Running"), "play", "good"),
    "paused": Pill(_("Paused"), "pause", "warn"),
    "ending": Pill(_("Ending"), "ending", "accent"),
    "settled": Pill(pgettext_lazy("status of an order", "Done"), "check"),
    "rejected": Pill(_("Rejected"), "ban", "bad"),
    "cancelled": Pill(_("Cancelled"), "undo"),
}

OFFER_STATUSES: dict[str, Pill] = {
    "available": Pill(_("Ready to use"), "check", "good"),
    "in_use": Pill(_("In use"), "clock", "accent"),
    "used": Pill(_("Used"), "check"),
    "expired": Pill(_("Expired"), "clock"),
    "revoked": Pill(_("Withdrawn"), "ban"),
}

TOP_UP_STATUSES: dict[str, Pill] = {
    "pending": Pill(_("Waiting for payment"), "clock", "warn"),
    "accepted": Pill(_("Money under way"), "clock", "accent"),
    "paid": Pill(_("Paid"), "check", "good"),
    "failed": Pill(_("Did not go through"), "cross", "bad"),
    "expired": Pill(_("Not finished in time"), "clock"),
}


WITHDRAWAL_STATUSES: dict[str, Pill] = {
    "in_review": Pill(_("Our staff looks at it"), "clock", "warn"),
    "requested": Pill(_("Requested"), "clock", "accent"),
    "submitted": Pill(_("On its way"), "clock", "accent"),
    "succeeded": Pill(_("Paid back"), "check", "good"),
    "partly": Pill(_("Partly paid back"), "warn", "warn"),
    "failed": Pill(_("Not paid back"), "cross", "bad"),
    "refused": Pill(_("Refused"), "ban", "bad"),
}

_GOING_BACK = _("Each part goes back by itself. What can't be paid back returns to your balance.")
WITHDRAWAL_NOTES: dict[str, Text] = {
    "in_review": _("A person looks at it before it goes out, within a working day. You hear from us."),
    "requested": _GOING_BACK,
    "submitted": _GOING_BACK,
    "succeeded": _("All of its money went back."),
    "partly": _("What could not be paid back is in your balance again."),
    "failed": _("Nothing of it could be paid back. All of its coins are in your balance again."),
    "refused": _("Nothing went out. All of its coins are in your balance again."),
}
"""What becomes of a withdrawal's coins, by how it stands."""

LEG_STATES: dict[str, Pill] = {
    "waiting": Pill(_("Not sent yet"), "clock"),
    "submitted": Pill(_("On its way"), "clock", "accent"),
    "succeeded": Pill(_("Paid back"), "check", "good"),
    "failed": Pill(_("Back in your balance"), "undo", "warn"),
}


@dataclass(frozen=True, slots=True)
class Objective:
    """An objective as people choose it, and the unit its result is counted in."""

    icon: str
    name: Text
    promise: Text
    units: Text
    unit_cost: Text
    many: Text
    """As it follows a number: `1,900–3,400 views`."""


OBJECTIVES: dict[str, Objective] = {
    "video_views": Objective(
        "eye",
        _("More views"),
        _("Shown to people likely to watch for two seconds or longer"),
        _("Views"),
        _("Cost per view"),
        _("views"),
    ),
    "website_visits": Objective(
        "globe",
        _("More website visits"),
        _("A button under the video opens your page"),
        _("Website visits"),
        _("Cost per visit"),
        _("visits"),
    ),
    "followers": Objective(
        "follow",
        _("More followers"),
        _("Shown to people likely to follow you"),
        _("New followers"),
        _("Cost per follower"),
        _("followers"),
    ),
    "product_clicks": Objective(
        "bag",
        _("More product clicks"),
        _("Shown to people likely to open your product"),
        _("Product clicks"),
        _("Cost per click"),
        _("clicks"),
    ),
    "live_viewers": Objective(
        "live",
        _("More live viewers"),
        _("Brings people into your live while it is on air"),
        _("Live viewers"),
        _("Cost per viewer"),
        _("viewers"),
    ),
}

FUNCTIONS: dict[str, Text] = {"video": _("Video"), "anchor": _("Video with a product"), "live": _("Live")}

END_REASONS: dict[str, Text] = {
    "time": _("The time was over."),
    "budget": _("The budget was spent."),
    "user": _("You ended it."),
    "ops": _("Our team ended it."),
    "rejected": _("It was rejected in review."),
    "review_overdue": _("We did not review it in time."),
    "suspended": _("The video was suspended."),
    "deleted": _("The video was deleted."),
    "private": _("The video is no longer public."),
    "sold_out": _("The product sold out."),
    "live_ended": _("The live ended."),
    "never_on_air": _("The live did not go on air."),
    "restricted": _("The account was restricted."),
    "payment_returned": _("A payment behind its coins went back to you."),
}


def end_reason(code: str, status: str) -> Text:
    """Why an order is over; one that its owner ended before it ran was cancelled."""
    if code == "user" and status == "cancelled":
        return _("You cancelled it.")
    return END_REASONS.get(code, "")


UNBILLED: dict[str, Text] = {
    "owner": _("It was you who looked."),
    "staff": _("One of our own staff looked."),
    "another_viewer": _("Told for another viewer than it was shown to."),
    "bot": _("A program looked, not a person."),
    "blocked_agent": _("We know what it came from as no person's device."),
    "blocked_address": _("We know where it came from as no person's place."),
    "blocked_referrer": _("We know the page that it came from as one that makes looks up."),
    "not_targeted": _("Who looked is not among those that it is for any more."),
    "not_measured": _("How long it was seen is not known."),
    "not_active": _("The app was in the background."),
    "not_half_visible": _("Less than half of it was on screen."),
    "too_brief": _("It was on screen too briefly."),
    "private_address": _("It came from inside a network."),
    "invalid_address": _("It came from no real address."),
    "data_centre": _("It came from a data centre."),
    "viewer_too_fast": _("One viewer saw more in a minute than a person can."),
    "device_too_fast": _("One device showed more in a minute than a person can look at."),
    "address_too_fast": _("Too much came from one address."),
    "impossible_time": _("Watched for longer than it was there."),
    "order_closed": _("It arrived after the order was closed."),
    "over_delivery": _("The budget was used up: shown at our cost."),
}
"""Why an impression is not billed."""

ON_PLAN = Pill(_("On plan"), "check", "good")
BEHIND = Pill(_("Behind plan"), "clock", "warn")
JUST_BEGUN = Pill(_("Just begun"), "clock")

ORIGINS: dict[str, Text] = {
    "apple": _("Bought in the App Store"),
    "google": _("Bought on Google Play"),
    "card": _("Bought by card"),
    "paypal": _("Bought with PayPal"),
    "paypal_reference": _("Bought with PayPal"),
    "direct_debit": _("Bought by direct debit"),
    "doku_bank_transfer": _("Bought by bank transfer"),
    "2c2p_bank_transfer": _("Bought by bank transfer"),
    "offline_bank_transfer": _("Bought by bank transfer"),
    "grant": _("Given to you"),
}

STORES: dict[str, Text] = {
    "apple": _("Ask the App Store for a refund"),
    "google": _("Ask Google Play for a refund"),
}
"""Who refunds what was bought in an app."""

METHODS: dict[str, Text] = {
    "card": _("Card"),
    "paypal": _("PayPal"),
    "paypal_reference": _("Saved PayPal"),
    "direct_debit": _("Direct debit"),
    "dana": _("DANA"),
    "ovo": _("OVO"),
    "doku_bank_transfer": _("Bank transfer"),
    "offline_bank_transfer": _("Bank transfer with a reference"),
    "rabbit_line_pay": _("Rabbit LINE Pay"),
    "2c2p_bank_transfer": _("Bank transfer"),
    "truemoney": _("TrueMoney"),
    "apple": _("App Store"),
    "google": _("Google Play"),
}

METHOD_NOTES: dict[str, Text] = {
    "offline_bank_transfer": _(
        "You transfer to our bank account with a reference. Coins come in one or two working days."
    ),
    "card": _("On Stripe's own page; we never see the number."),
    "direct_debit": _("From a US bank account. Coins come when the money has arrived: up to four business days."),
    "paypal": _("You confirm on PayPal's page."),
    "paypal_reference": TERMS["paypal_reference"].words,
    "dana": _("You confirm on DANA's page."),
    "ovo": _("You link your OVO account, then confirm on OVO's page."),
    "doku_bank_transfer": _("You get an account number to transfer to, good for a day."),
    "rabbit_line_pay": _("You confirm on LINE Pay's page."),
    "truemoney": _("You confirm on TrueMoney's page."),
    "2c2p_bank_transfer": _("You get a reference to transfer with, good for a day."),
}
"""What happens when a method is chosen, said beside it."""

GENDERS: dict[str, Text] = {"female": _("Women"), "male": _("Men"), "other": _("Other")}
AGE_BANDS: tuple[str, ...] = ("18-24", "25-34", "35-44", "45-54", "55+")

COUNTRIES: dict[str, Text] = {
    "AE": _("United Arab Emirates"),
    "AU": _("Australia"),
    "BR": _("Brazil"),
    "CA": _("Canada"),
    "DE": _("Germany"),
    "EG": _("Egypt"),
    "ES": _("Spain"),
    "FR": _("France"),
    "GB": _("United Kingdom"),
    "ID": _("Indonesia"),
    "IT": _("Italy"),
    "JP": _("Japan"),
    "KR": _("South Korea"),
    "MY": _("Malaysia"),
    "PL": _("Poland"),
    "SA": _("Saudi Arabia"),
    "TH": _("Thailand"),
    "TR": _("Türkiye"),
    "US": _("United States"),
    "VN": _("Vietnam"),
}


def country(code: str) -> Text:
    """A launched country's name; its code where ops launched one that has none here yet."""
    return COUNTRIES.get(code, code)
