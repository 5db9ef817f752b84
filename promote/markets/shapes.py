"""What a market's facts may be: each is refused as it is typed where the code that reads it could not go on."""

import math
import zoneinfo
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.deconstruct import deconstructible
from django.utils.translation import gettext_lazy as _
from iso4217 import Currency


@deconstructible
class ListOf:
    """A list of some of these words, each once."""

    def __init__(self, *words: str) -> None:
        self.words = words

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ListOf) and self.words == other.words

    def __hash__(self) -> int:
        return hash(self.words)

    def __call__(self, value: Any) -> None:
        is_list = isinstance(value, list) and all(isinstance(one, str) for one in value)
        if not is_list or not set(value) <= set(self.words) or len(set(value)) != len(value):
            told = _("Write a list of some of these, each once: %(words)s.")
            raise ValidationError(told, params={"words": ", ".join(f'"{word}"' for word in self.words)})


def time_zone(value: str) -> None:
    if value not in zoneinfo.available_timezones():
        raise ValidationError(
            _("“%(value)s” is no time zone: write its name, as Asia/Jakarta."), params={"value": value}
        )


def currency(value: str) -> None:
    try:
        Currency(value)
    except ValueError:
        told = _("“%(value)s” is no currency of ISO 4217: write its three letters, as IDR.")
        raise ValidationError(told, params={"value": value}) from None


def provider(value: str) -> None:
    if value not in settings.GATEWAYS:
        told = _("No payment provider here has this name. There are: %(names)s.")
        raise ValidationError(told, params={"names": ", ".join(settings.GATEWAYS)})


def terms(reserve_micros: Any, objective_value: Any, action_of_objective: Any) -> None:
    """The three say something of the same objectives: a whole number of micros, a number, both above 0, and a word."""
    if not isinstance(action_of_objective, dict):
        raise ValidationError({"action_of_objective": _("Write an action for each objective.")})
    names = sorted(action_of_objective)
    wrong: dict[str, Any] = {}
    if not all(isinstance(word, str) and word for word in action_of_objective.values()):
        wrong["action_of_objective"] = _("Write an action for each objective.")
    if not _says(reserve_micros, names, int):
        wrong["reserve_micros"] = _of_each(_("Write a whole number of micros above 0 for each of: %(names)s."), names)
    if not _says(objective_value, names, int | float):
        wrong["objective_value"] = _of_each(_("Write a number above 0 for each of: %(names)s."), names)
    if wrong:
        raise ValidationError(wrong)


def _says(facts: Any, names: list[str], kind: Any) -> bool:
    if not isinstance(facts, dict) or sorted(facts) != names:
        return False
    return all(isinstance(one, kind) and not isinstance(one, bool) and 0 < one < math.inf for one in facts.values())


def _of_each(sentence: Any, names: list[str]) -> ValidationError:
    return ValidationError(sentence, params={"names": ", ".join(names)})
