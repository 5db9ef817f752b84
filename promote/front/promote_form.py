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
from promote.front import spans, words
from promote.markets.models import Market, Term
from promote.money import format_coins
from promote.refusals import Invalid, NotFound

HOUR_S, DAY_S = 3_600, 86_400
PRESETS_S = (6 * HOUR_S, DAY_S, 3 * DAY_S, 7 * DAY_S)
OWN = "own"
UNITS = {"minutes": 60, "hours": HOUR_S, "days": DAY_S}
NOT_STATE = ("csrfmiddlewaretoken", "key", "quote", "action")
"""What a form sends besides the advertiser's choices."""

FIELD_OF = {"objective": "objective", "budget_coins": "budget", "duration_hours": "duration", "offer": "offer"}
"""Where on the page an error of the quote belongs; what is not here bears the same name or is of the audience."""


SAID_HERE = {"call_to_action": _("Choose the words on the button.")}
"""Where the page has names for what the rule can only list as codes."""


def durations_s(market: Market) -> list[int]:
    """The presets within the market's limits; below them its own shortest, where it allows so short ones."""
    shortest = [market.duration_min_s] if market.duration_min_s < PRESETS_S[0] else []
    return shortest + [s for s in PRESETS_S if market.duration_min_s <= s <= market.duration_max_s]


class PromoteForm(forms.Form):
    objective = forms.ChoiceField(widget=forms.RadioSelect)
    budget = forms.ChoiceField(widget=forms.RadioSelect)
    own_coins = forms.IntegerField(required=False, min_value=1, max_value=2_000_000_000, label=_("Own amount"))
    duration = forms.ChoiceField(widget=forms.RadioSelect)
    own_length = forms.IntegerField(required=False, min_value=1, max_value=100_000, label=_("Own length"))
    own_unit = forms.ChoiceField(required=False, label=_("Unit"))
    audience = forms.ChoiceField(widget=forms.RadioSelect, choices=[("automatic", ""), ("chosen", "")])
    countries = forms.MultipleChoiceField(required=False, widget=forms.CheckboxSelectMultiple)
    age_bands = forms.MultipleChoiceField(required=False, widget=forms.CheckboxSelectMultiple)
    genders = forms.MultipleChoiceField(required=False, widget=forms.CheckboxSelectMultiple)
    interests = forms.MultipleChoiceField(required=False, widget=forms.CheckboxSelectMultiple)
    website_url = forms.CharField(required=False, max_length=2000, strip=True, label=_("Page to visit"))
    call_to_action = forms.ChoiceField(required=False, label=_("Words on the button"))
    offer = forms.CharField(required=False, max_length=64)

    def __init__(
        self, data: Mapping[str, Any], *, market: Market, eligibility: Eligibility, offers: Iterable[Offer]
    ) -> None:
        super().__init__(data)
        self.market, self.offers = market, list(offers)
        terms = list(Term.objects.filter(kind__in=[Term.Kind.INTEREST, Term.Kind.CALL_TO_ACTION]))
        choices = {
            "objective": [(code, words.OBJECTIVES[code].name) for code in eligibility.objectives],
            "budget": [*[(str(c), format_coins(c)) for c in market.packages_coins], (OWN, _("Own amount"))],
            "duration": [*[(str(s), spans.said(s)) for s in durations_s(market)], (OWN, _("Own length"))],
            "own_unit": [(unit, name) for unit, name in self._units() if UNITS[unit] <= market.duration_max_s],
            "countries": sorted(
                ((code, str(words.country(code))) for code in Market.objects.values_list("code", flat=True)),
                key=lambda choice: choice[1],
            ),
            "age_bands": [(band, band) for band in words.AGE_BANDS],
            "genders": list(words.GENDERS.items()),
            "interests": [(t.code, t.label) for t in terms if t.kind == Term.Kind.INTEREST],
            "call_to_action": [(t.code, t.label) for t in terms if t.kind == Term.Kind.CALL_TO_ACTION],
        }
        for name, options in choices.items():
            self.fields[name].choices = options  # type: ignore[attr-defined]
        for name in ("own_coins", "own_length", "own_unit", "website_url", "call_to_action"):
            self.fields[name].widget.attrs["class"] = "input"
        self.fields["website_url"].widget.attrs.update(
            {"type": "url", "inputmode": "url", "placeholder": "https://", "autocomplete": "url", "dir": "ltr"}
        )
        self.fields["own_coins"].widget.attrs["inputmode"] = self.fields["own_length"].widget.attrs["inputmode"] = (
            "numeric"
        )

    def _units(self) -> list[tuple[str, Any]]:
        minutes = [("minutes", _("minutes"))] if self.market.duration_min_s < HOUR_S else []
        return [*minutes, ("hours", _("hours")), ("days", _("days"))]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if cleaned.get("budget") == OWN and not cleaned.get("own_coins") and "own_coins" not in self.errors:
            self.add_error("own_coins", forms.ValidationError(_("Say how many coins."), code="required"))
        if cleaned.get("duration") == OWN and not cleaned.get("own_length") and "own_length" not in self.errors:
            self.add_error("own_length", forms.ValidationError(_("Say how long."), code="required"))
        if cleaned.get("duration") and not self.errors:
            self._check_duration(self.duration_s)
        return cleaned

    def _check_duration(self, duration_s: int) -> None:
        """Said here in the units that people chose in, before the rule says it in hours."""
        least, most = self.market.duration_min_s, self.market.duration_max_s
        if not least <= duration_s <= most:
            limits = {"least": spans.said(least), "most": spans.said(most)}
            self.add_error("duration", _("Choose from %(least)s to %(most)s.") % limits)

    @property
    def budget_coins(self) -> int:
        chosen = self.cleaned_data["budget"]
        return int(self.cleaned_data["own_coins"] if chosen == OWN else chosen)

    @property
    def duration_s(self) -> int:
        chosen = self.cleaned_data["duration"]
        if chosen != OWN:
            return int(chosen)
        unit = self.cleaned_data.get("own_unit") or "hours"
        return int(self.cleaned_data["own_length"]) * UNITS[unit]

    def wish(self) -> dict[str, Any]:
        """What `orders.quotes.make` is asked. Only of a valid form."""
        given = self.cleaned_data
        visits = given["objective"] == "website_visits"
        parts = {name: given[name] for name in ("countries", "age_bands", "genders", "interests") if given[name]}
        everyone = given["audience"] == "automatic" or not parts
        return {
            "objective": given["objective"],
            "budget_coins": self.budget_coins,
            "duration_s": self.duration_s,
            "audience": {"automatic": True} if everyone else parts,
            "website_url": given["website_url"] if visits else None,
            "call_to_action": given["call_to_action"] if visits else None,
            "offer_id": _offer_id(given["offer"]),
        }

    def take(self, refusal: Invalid) -> None:
        """Puts the quote's errors beside the fields that they are about."""
        for error in refusal.errors:
            name = FIELD_OF.get(error.field, "audience" if error.field.startswith("audience") else error.field)
            own = {"budget": "own_coins", "duration": "own_length"}.get(name)
            if own and self.cleaned_data.get(name) == OWN:
                name = own
            detail = SAID_HERE.get(error.field, error.detail)
            self.add_error(name if name in self.fields else None, forms.ValidationError(str(detail), code=error.code))

    def spare(self) -> None:
        """Says nothing yet of what was only just opened and is still empty; the missing price says it already."""
        for name in ("website_url", "own_coins", "own_length"):
            if name in self.errors and not self.data.get(name):
                del self.errors[name]

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
