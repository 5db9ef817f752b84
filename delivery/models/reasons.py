"""Why an event is not billed, in words for ops; docs/delivery.md says when each is given."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class UnbilledReason(models.TextChoices):
    OWNER = "owner", _("the owner looked")
    STAFF = "staff", _("our staff looked")
    ANOTHER_VIEWER = "another_viewer", _("another viewer than it was sold for")
    BOT = "bot", _("a program looked")
    BLOCKED_AGENT = "blocked_agent", _("a blocked user agent")
    BLOCKED_ADDRESS = "blocked_address", _("a blocked address")
    BLOCKED_REFERRER = "blocked_referrer", _("a blocked page")
    PRIVATE_ADDRESS = "private_address", _("an address inside some network")
    INVALID_ADDRESS = "invalid_address", _("no address at all")
    DATA_CENTRE = "data_centre", _("an address of a data centre")
    NOT_TARGETED = "not_targeted", _("not in the order's audience any more")
    VIEWER_TOO_FAST = "viewer_too_fast", _("more than a viewer can watch")
    DEVICE_TOO_FAST = "device_too_fast", _("more than a device can show")
    ADDRESS_TOO_FAST = "address_too_fast", _("more than an address can show")
    IMPOSSIBLE_TIME = "impossible_time", _("times that can not be")
    NOT_MEASURED = "not_measured", _("not measured whether it was seen")
    NOT_ACTIVE = "not_active", _("the app was in the background")
    NOT_HALF_VISIBLE = "not_half_visible", _("less than half of it in view")
    TOO_BRIEF = "too_brief", _("too brief a look")
    NO_IMPRESSION = "no_impression", _("an action without its impression")
    ORDER_CLOSED = "order_closed", _("the order was over")
    OVER_DELIVERY = "over_delivery", _("the budget was spent")
    REPLAYED = "replayed", _("told again")
    TOKEN_EXPIRED = "token_expired", _("told too late")
    TOKEN_OF_ANOTHER_ORDER = "token_of_another_order", _("told of another order than its own")
    TOKEN_UNKNOWN = "token_unknown", _("a token that is not ours")
    TYPE_UNKNOWN = "type_unknown", _("no type that we know")
    AT_IN_THE_FUTURE = "at_in_the_future", _("its time is yet to come")
    BEFORE_IMPRESSION = "before_impression", _("told before its impression")
