"""How long, to whom, leading where: the choices that placing an order and changing one have in common."""

from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from orders.audience import PARTS, Audience
from promote.front import spans, words
from promote.markets.models import Market, Term
from promote.refusals import Invalid

HOUR_S, DAY_S = 3_600, 86_400
PRESETS_S = (6 * HOUR_S, DAY_S, 3 * DAY_S, 7 * DAY_S)
OWN = "own"
UNITS = {"minutes": 60, "hours": HOUR_S, "days": DAY_S}

SAID_HERE = {"call_to_action": _("Choose the words on the button.")}
"""Where the page has names for what the rule can only list as codes."""


def durations_s(market: Market) -> list[int]:
    """The presets within the market's limits; below them its own shortest, where it allows so short ones."""
    shortest = [market.duration_min_s] if market.duration_min_s < PRESETS_S[0] else []
    return shortest + [s for s in PRESETS_S if market.duration_min_s <= s <= market.duration_max_s]


def choices_of(*, audience: Audience, website_url: str | None, call_to_action: str | None) -> dict[str, Any]:
    """An order's audience and link as this form's choices."""
    return {
        "audience": "automatic" if audience.get("automatic") else "chosen",
        "website_url": website_url,
        "call_to_action": call_to_action,
        **{name: values for name, values in audience.items() if isinstance(values, list)},
    }


class ReachForm(forms.Form):
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

    field_of: Mapping[str, str] = {"duration_hours": "duration"}
    """Where on the page an error of the rules belongs; what is not here bears the same name or is of the audience."""

    def __init__(self, data: Mapping[str, Any], *, market: Market, lengths_s: Iterable[int]) -> None:
        super().__init__(data)
        self.market = market
        terms = list(Term.objects.filter(kind__in=[Term.Kind.INTEREST, Term.Kind.CALL_TO_ACTION]))
        self.offer_choices(
            {
                "duration": [*[(str(s), spans.said(s)) for s in lengths_s], (OWN, _("Own length"))],
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
        )
        for name in ("own_length", "own_unit", "website_url", "call_to_action"):
            self.fields[name].widget.attrs["class"] = "input"
        self.fields["website_url"].widget.attrs.update(
            {"type": "url", "inputmode": "url", "placeholder": "https://", "autocomplete": "url", "dir": "ltr"}
        )
        self.fields["own_length"].widget.attrs["inputmode"] = "numeric"

    def offer_choices(self, choices: Mapping[str, list[tuple[str, Any]]]) -> None:
        for name, options in choices.items():
            self.fields[name].choices = options  # type: ignore[attr-defined]

    def _units(self) -> list[tuple[str, Any]]:
        minutes = [("minutes", _("minutes"))] if self.market.duration_min_s < HOUR_S else []
        return [*minutes, ("hours", _("hours")), ("days", _("days"))]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if cleaned.get("duration") == OWN and not cleaned.get("own_length") and "own_length" not in self.errors:
            self.add_error("own_length", forms.ValidationError(_("Say how long."), code="required"))
        if cleaned.get("duration") and not self.errors:
            self.check_duration(self.duration_s)
        return cleaned

    def check_duration(self, duration_s: int) -> None:
        """Said here in the units that people chose in, before the rule says it in hours."""
        least, most = self.market.duration_min_s, self.market.duration_max_s
        if not least <= duration_s <= most:
            limits = {"least": spans.said(least), "most": spans.said(most)}
            self.add_error("duration", _("Choose from %(least)s to %(most)s.") % limits)

    @property
    def duration_s(self) -> int:
        chosen = self.cleaned_data["duration"]
        if chosen != OWN:
            return int(chosen)
        unit = self.cleaned_data.get("own_unit") or "hours"
        return int(self.cleaned_data["own_length"]) * UNITS[unit]

    def reach(self, *, visits: bool) -> dict[str, Any]:
        """Length, audience and link as the rules are asked for them. Only of a valid form."""
        given = self.cleaned_data
        parts = {name: given[name] for name in PARTS if given[name]}
        everyone = given["audience"] == "automatic" or not parts
        return {
            "duration_s": self.duration_s,
            "audience": {"automatic": True} if everyone else parts,
            "website_url": given["website_url"] if visits else None,
            "call_to_action": given["call_to_action"] if visits else None,
        }

    def take(self, refusal: Invalid) -> None:
        """Puts the rules' errors beside the fields that they are about."""
        for error in refusal.errors:
            name = self.field_of.get(error.field, "audience" if error.field.startswith("audience") else error.field)
            own = {"budget": "own_coins", "duration": "own_length"}.get(name)
            if own in self.fields and self.cleaned_data.get(name) == OWN:
                name = own
            detail = SAID_HERE.get(error.field, error.detail)
            self.add_error(name if name in self.fields else None, forms.ValidationError(str(detail), code=error.code))

    def spare(self) -> None:
        """Says nothing yet of what was only just opened and is still empty; the missing price says it already."""
        for name in ("website_url", "own_coins", "own_length"):
            if name in self.errors and not self.data.get(name):
                del self.errors[name]
