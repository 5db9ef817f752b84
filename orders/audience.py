"""To whom an order is shown: automatically, or by the parts that its owner names."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.utils.translation import gettext_lazy as _

from promote.markets.models import Market, Term
from promote.refusals import FieldError

AGE_BANDS = ("18-24", "25-34", "35-44", "45-54", "55+")
GENDERS = ("female", "male", "other")
PARTS = ("countries", "age_bands", "genders", "interests")
MOST_VALUES = 100

Audience = dict[str, Any]


class BadAudience(ValueError):
    def __init__(self, errors: Sequence[FieldError]) -> None:
        self.errors = list(errors)
        super().__init__("audience")


def checked(wanted: object, *, market: Market) -> Audience:
    """`{"automatic": true}`, or the parts in their canonical order, always with countries.

    Automatic means the order's market; so do parts that name no country. Raises BadAudience with every wrong field.
    """
    if not isinstance(wanted, Mapping):
        raise BadAudience(
            [_wrong("", "required", _("Choose automatic, or name countries, ages, genders or interests."))]
        )
    given = {name: value for name, value in wanted.items() if value is not None}
    automatic = given.pop("automatic", False)
    errors = [
        _wrong(str(name)[:64], "unknown", _("There is no such part of an audience."))
        for name in given
        if name not in PARTS
    ]
    if not isinstance(automatic, bool):
        errors.append(_wrong("automatic", "invalid", _("It is true or false.")))
    elif automatic and any(name in PARTS for name in given):
        errors.append(_wrong("automatic", "both", _("Choose either automatic, or parts: not both.")))
    elif not automatic and not any(name in PARTS for name in given) and not errors:
        errors.append(_wrong("", "required", _("Choose automatic, or name countries, ages, genders or interests.")))
    parts = {name: _values(name, given[name], errors) for name in PARTS if name in given}
    for name, values in parts.items():
        errors.extend(_unknown(name, values))
    if errors:
        raise BadAudience(errors)
    return {"automatic": True} if automatic else {"countries": [market.code], **parts}


def _values(name: str, value: object, errors: list[FieldError]) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        errors.append(_wrong(name, "invalid", _("It is a list of words.")))
        return []
    if not value:
        errors.append(_wrong(name, "empty", _("Name at least one, or leave this part out to reach everyone.")))
    if len(value) > MOST_VALUES:
        errors.append(_wrong(name, "too_many", _("Name fewer.")))
        return []
    return sorted(set(value))


def _unknown(name: str, values: Iterable[str]) -> list[FieldError]:
    """An error for each value that the part does not know."""
    known = _known(name)
    return [
        _wrong(
            name,
            "not_launched" if name == "countries" else "unknown",
            _("“{value}” is none of: {known}.").format(value=value[:64], known=", ".join(known)),
        )
        for value in values
        if value not in known
    ]


def _known(name: str) -> Sequence[str]:
    match name:
        case "countries":
            return list(Market.objects.values_list("code", flat=True))
        case "age_bands":
            return AGE_BANDS
        case "genders":
            return GENDERS
        case _:
            return list(Term.objects.filter(kind=Term.Kind.INTEREST).values_list("code", flat=True))


def _wrong(part: str, code: str, detail: Any) -> FieldError:
    return FieldError(f"audience.{part}" if part else "audience", code, detail)
