"""Changes of a market's facts by name, as a script makes them; people use the admin."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from promote.markets.models import Market
from promote.refusals import FieldError, Invalid


def set_facts(*, codes: Iterable[str], facts: Mapping[str, str]) -> list[Market]:
    """Sets fields of some markets, all or none; each value is JSON, or a text as it stands.

    Raises Invalid: an unknown market or field, another kind of value than the field holds, or a model's rule broken.
    """
    wanted = {code.strip().upper() for code in codes}
    _check_names(facts)
    with transaction.atomic():
        markets = list(Market.objects.select_for_update().filter(code__in=wanted))
        unknown = sorted(wanted - {market.code for market in markets})
        if unknown or not wanted:
            sentence = _("There is no market %(codes)s.") % {"codes": ", ".join(unknown) or "—"}
            raise Invalid([FieldError("code", "not_found", sentence)])
        for market in markets:
            for name, text in facts.items():
                before = getattr(market, name)
                setattr(market, name, text if isinstance(before, str) else _like(name, before, _read(text)))
            _clean(market)
            market.save(update_fields=list(facts))
        return markets


def _check_names(facts: Mapping[str, str]) -> None:
    known = sorted(field.name for field in Market._meta.concrete_fields if not field.primary_key)
    wrong = [name for name in facts if name not in known]
    if wrong or not facts:
        sentence = _("A fact is one of: %(known)s.") % {"known": ", ".join(known)}
        raise Invalid([FieldError(name, "invalid_choice", sentence) for name in wrong or [""]])


def _read(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _like(name: str, before: Any, after: Any) -> Any:
    """A list stays a list of what it held, a mapping a mapping: their shapes are no concern of the database's."""
    number = isinstance(before, (int, float)) and not isinstance(before, bool)
    fits = type(after) is int if number else type(after) is type(before) or not isinstance(before, (list, dict, bool))
    if fits and isinstance(before, list) and before:
        fits = all(type(item) is type(before[0]) for item in after)
    if fits and isinstance(before, dict) and before:
        kind = type(next(iter(before.values())))
        fits = all(type(item) is kind for item in after.values())
    if fits and name == "packages_coins":
        fits = all(item > 0 for item in after)
    if not fits:
        sentence = _("This is not of the kind that the market holds: %(before)s") % {"before": json.dumps(before)}
        raise Invalid([FieldError(name, "invalid", sentence)])
    return after


def _clean(market: Market) -> None:
    try:
        market.full_clean()
    except ValidationError as error:
        raise Invalid(
            [
                FieldError("" if name == "__all__" else name, "invalid", f"{market.code}: {message}")
                for name, messages in error.message_dict.items()
                for message in messages
            ]
        ) from None
