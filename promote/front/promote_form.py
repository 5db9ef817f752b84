"""The order form: its choices from the market's rows, its words into what a quote is asked for."""

import secrets
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from coupons.models import Offer
from promote import ids
from promote.eligibility import Eligibility
from promote.front import words
from promote.front.reach_form import OWN, ReachForm, durations_s
from promote.markets.models import Market, Term
from promote.money import format_coins
from promote.refusals import NotFound

NOT_STATE = ("csrfmiddlewaretoken", "key", "quote", "action")
"""What a form sends besides the advertiser's choices."""


class PromoteForm(ReachForm):
    objective = forms.ChoiceField(widget=forms.RadioSelect)
    budget = forms.ChoiceField(widget=forms.RadioSelect)
    own_coins = forms.IntegerField(required=False, min_value=1, max_value=2_000_000_000, label=_("Own amount"))
    offer = forms.CharField(required=False, max_length=64)

    field_of = {**ReachForm.field_of, "budget_coins": "budget"}
    field_order = ("objective", "budget", "own_coins")

    def __init__(
        self, data: Mapping[str, Any], *, market: Market, eligibility: Eligibility, offers: Iterable[Offer]
    ) -> None:
        super().__init__(data, market=market, lengths_s=durations_s(market))
        self.offers = list(offers)
        self.offer_choices(
            {
                "objective": [(code, words.OBJECTIVES[code].name) for code in eligibility.objectives],
                "budget": [*[(str(c), format_coins(c)) for c in market.packages_coins], (OWN, _("Own amount"))],
            }
        )
        self.fields["own_coins"].widget.attrs.update({"class": "input", "inputmode": "numeric"})

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if cleaned.get("budget") == OWN and not cleaned.get("own_coins") and "own_coins" not in self.errors:
            self.add_error("own_coins", forms.ValidationError(_("Say how many coins."), code="required"))
        return cleaned

    @property
    def budget_coins(self) -> int:
        chosen = self.cleaned_data["budget"]
        return int(self.cleaned_data["own_coins"] if chosen == OWN else chosen)

    def wish(self) -> dict[str, Any]:
        """What `orders.quotes.make` is asked. Only of a valid form."""
        given = self.cleaned_data
        return {
            "objective": given["objective"],
            "budget_coins": self.budget_coins,
            **self.reach(visits=given["objective"] == "website_visits"),
            "offer_id": _offer_id(given["offer"]),
        }

    def state(self) -> str:
        """The choices as a query string, to come back to this form as it is."""
        query = QueryDict(mutable=True)
        for name in self.data:
            if name in self.fields and name not in NOT_STATE:
                query.setlist(name, [value for value in _list(self.data, name) if value])
        return query.urlencode()


def first_choices(market: Market, eligibility: Eligibility, *, offer: str = "") -> QueryDict:
    """What the form shows before anything was chosen: the shortest way to a good order."""
    data = QueryDict(mutable=True)
    lengths = durations_s(market)
    default = market.duration_default_s if market.duration_default_s in lengths else lengths[0]
    packages = market.packages_coins
    data.update(
        {
            "objective": eligibility.objectives[0] if eligibility.objectives else "",
            "budget": str(packages[min(1, len(packages) - 1)]) if packages else OWN,
            "duration": str(default),
            "own_unit": "hours",
            "audience": "automatic",
            "call_to_action": _first_call_to_action(),
            "offer": offer,
        }
    )
    return data


def _first_call_to_action() -> str:
    return Term.objects.filter(kind=Term.Kind.CALL_TO_ACTION).values_list("code", flat=True).first() or ""


def new_key() -> str:
    """The form's idempotency key: however often it is sent, one order."""
    return "web-" + secrets.token_hex(16)


def _offer_id(text: str) -> UUID | None:
    if not text:
        return None
    try:
        return ids.parse("off", text)
    except NotFound:
        return UUID(int=0)


def _list(data: Mapping[str, Any], name: str) -> list[str]:
    return data.getlist(name) if isinstance(data, QueryDict) else [data[name]]
