"""The form behind Reject: policy, place, words, remedy."""

import re
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from orders.review import REASON_CHARACTERS
from promote.markets.models import Term

_CLOCK = re.compile(r"(?:(\d{1,3}):)?([0-5]?\d):([0-5]\d)", re.ASCII)


class SecondsField(forms.Field):
    """A moment of a video: `83`, `1:23`, `1:02:03`. Seconds, or None where empty."""

    default_error_messages = {"moment": _("Write seconds, or minutes and seconds: 83 or 1:23.")}

    def to_python(self, value: Any) -> int | None:
        text = str(value or "").strip()
        if not text:
            return None
        if re.fullmatch(r"\d{1,6}", text, re.ASCII):
            return int(text)
        clock = _CLOCK.fullmatch(text)
        if clock is None:
            raise forms.ValidationError(self.error_messages["moment"], code="moment")
        hours, minutes, seconds = (int(part or 0) for part in clock.groups())
        return hours * 3600 + minutes * 60 + seconds


class RejectForm(forms.Form):
    """`policies` are the terms, with the remedy that each suggests."""

    seen = forms.CharField(widget=forms.HiddenInput)
    policy = forms.ChoiceField(label=_("Policy"), widget=forms.RadioSelect)
    place_start_s = SecondsField(label=_("From"), required=False)
    place_end_s = SecondsField(label=_("to"), required=False)
    reason = forms.CharField(
        label=_("What is wrong"),
        widget=forms.Textarea(attrs={"rows": 3}),
        max_length=REASON_CHARACTERS,
        help_text=_("The owner reads this. Say what you saw, not whom you suspect."),
    )
    remedy = forms.CharField(
        label=_("What would mend it"),
        widget=forms.Textarea(attrs={"rows": 2}),
        max_length=REASON_CHARACTERS,
        required=False,
        help_text=_("Left empty, the policy's own remedy is told."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.policies = list(Term.objects.filter(kind=Term.Kind.POLICY))
        field = self.fields["policy"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(term.code, term.label) for term in self.policies]
