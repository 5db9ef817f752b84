"""The form that changes an order in review: audience, link and length, within what its budget is enough for."""

from collections.abc import Mapping
from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext as _

from orders.models import Order
from orders.wishes import WEBSITE_VISITS, lengths_s
from promote.front import spans
from promote.front.reach_form import ReachForm, choices_of, durations_s
from promote.money import format_coins


class ChangeForm(ReachForm):
    # The budget stays, so a length that it is not enough for is what has to give.
    field_of = {**ReachForm.field_of, "budget_coins": "duration"}

    def __init__(self, data: Mapping[str, Any], *, order: Order) -> None:
        self.order = order
        self.shortest_s, self.longest_s = lengths_s(budget_coins=order.cost_coins, market=order.market)
        presets = {s for s in durations_s(order.market) if self.shortest_s <= s <= self.longest_s}
        super().__init__(data, market=order.market, lengths_s=sorted({*presets, order.duration_s}))

    def check_duration(self, duration_s: int) -> None:
        super().check_duration(duration_s)
        if "duration" in self.errors:
            return
        coins = format_coins(self.order.cost_coins)
        if duration_s > self.longest_s:
            said = _("%(coins)s are enough for %(most)s at most. Choose a shorter length.")
            self.add_error("duration", said % {"coins": coins, "most": spans.said(self.longest_s)})
        elif duration_s < self.shortest_s:
            said = _("%(coins)s are too many for less than %(least)s. Choose a longer length.")
            self.add_error("duration", said % {"coins": coins, "least": spans.said(self.shortest_s)})

    def changes(self) -> dict[str, Any]:
        """What `orders.amendments.amend` is asked. Only of a valid form."""
        return self.reach(visits=self.order.objective == WEBSITE_VISITS)


def as_it_is(order: Order) -> QueryDict:
    """The choices of the order as it stands."""
    data = QueryDict(mutable=True)
    chosen = choices_of(audience=order.audience, website_url=order.website_url, call_to_action=order.call_to_action)
    for name, value in {**chosen, "duration": str(order.duration_s), "own_unit": "hours"}.items():
        data.setlist(name, value if isinstance(value, list) else [value])
    return data
