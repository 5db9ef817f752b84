"""Shapes of bodies, and fields that take JSON's types as they are: `true` is no 1, `"5"` no 5, `5.0` no 5."""

import re
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import urlsplit

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request

INT_MAX = 2**63 - 1
EXTERNAL_ID = re.compile(r"[^\s/\x00-\x1f\x7f]{1,128}")
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_YEARS = range(1970, 2200)


# A body's shape: fields in, plain values out. It holds no rule of the product and saves nothing. (No docstring: it
# would stand as the description of every shape in the OpenAPI document.)
class Shape(serializers.Serializer[Any]):
    @classmethod
    def read(cls, request: Request) -> dict[str, Any]:
        """The body, checked. Raises DRF's ValidationError, which the handler tells as `invalid`."""
        return cls.check(request.data)

    @classmethod
    def read_query(cls, request: Request) -> dict[str, Any]:
        """The query, checked. A parameter with nothing in it was left out, as forms and simple clients write that."""
        return cls.check({name: value for name, value in request.query_params.items() if value})

    @classmethod
    def check(cls, data: Any) -> dict[str, Any]:
        shape = cls(data=data)
        shape.is_valid(raise_exception=True)
        return dict(shape.validated_data)


class StrictIntegerField(serializers.IntegerField):
    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("min_value", -INT_MAX)
        kwargs.setdefault("max_value", INT_MAX)
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> int:
        if type(data) is not int:
            self.fail("invalid")
        return int(data)


class StrictNumberField(serializers.FloatField):
    def to_internal_value(self, data: Any) -> float:
        if type(data) not in (int, float):
            self.fail("invalid")
        return super().to_internal_value(data)


class StrictCharField(serializers.CharField):
    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", 1000)
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class StrictBooleanField(serializers.BooleanField):
    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class StrictChoiceField(serializers.ChoiceField):
    """A choice by its own text. The wrong ones are named, and so are the right ones."""

    default_error_messages = {"invalid_choice": _("It is none of: {known}.")}

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str) or data not in self.choices:
            self.fail("invalid_choice", known=", ".join(str(choice) for choice in self.choices))
        return data


class StrictDateField(serializers.DateField):
    default_error_messages = {"invalid": _("A date is written YYYY-MM-DD.")}

    def to_internal_value(self, value: Any) -> date:
        if not isinstance(value, str) or not _DATE.fullmatch(value):
            self.fail("invalid")
        try:
            return date.fromisoformat(value)
        except ValueError:
            self.fail("invalid")


class InstantField(serializers.DateTimeField):
    """A point in time by RFC 3339, with its offset, from 1970 to 2199."""

    default_error_messages = {
        "invalid": _("A time is written by RFC 3339 with its offset, as 2026-11-24T08:30:00Z."),
        "range": _("This time is out of range."),
    }

    def to_internal_value(self, value: Any) -> datetime:
        if not isinstance(value, str) or not _RFC3339.fullmatch(value):
            self.fail("invalid")
        try:
            at = datetime.fromisoformat(value.upper()).astimezone(UTC)
        except OverflowError:
            self.fail("range")
        except ValueError:
            self.fail("invalid")
        if at.year not in _YEARS:
            self.fail("range")
        return at


@extend_schema_field({"type": "string", "format": "uri", "maxLength": 2000})
class WebAddressField(StrictCharField):
    """An http or https URL as a browser would take it. Whether it may be promoted is not judged here."""

    default_error_messages = {"address": _("This is not a web address: it starts with https:// and names a host.")}

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", 2000)
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        try:
            parts = urlsplit(text)
            fits = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            fits = False
        if text and (not fits or re.search(r"\s", text)):
            self.fail("address")
        return text


@extend_schema_field({"type": "string", "pattern": "^[A-Z]{2}$", "examples": ["ID"]})
class CountryField(StrictCharField):
    """Two capital letters, ISO 3166-1 alpha-2; launched or not."""

    default_error_messages = {"country": _("A country is two capital letters, as in ISO 3166: ID, GB.")}

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if not re.fullmatch(r"[A-Z]{2}", text, re.ASCII):
            self.fail("country")
        return text


@extend_schema_field({"type": "string", "pattern": "^[A-Z]{3}$", "examples": ["IDR"]})
class CurrencyField(StrictCharField):
    default_error_messages = {"currency": _("A currency is three capital letters, as in ISO 4217: IDR, GBP.")}

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if not re.fullmatch(r"[A-Z]{3}", text, re.ASCII):
            self.fail("currency")
        return text


@extend_schema_field({"type": "string", "pattern": r"^[^\s/\x00-\x1f\x7f]{1,128}$", "maxLength": 128})
class ExternalIdField(StrictCharField):
    """A platform's own name for something: up to 128 characters, no space, no slash."""

    default_error_messages = {"external_id": _("An external id has 1 to 128 characters, no space and no slash.")}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"max_length": None, "trim_whitespace": False, **kwargs})

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if not EXTERNAL_ID.fullmatch(text):
            self.fail("external_id")
        return text

    @classmethod
    def check_path(cls, text: str) -> str:
        """An external id that stands in the path. Raises DRF's ValidationError."""
        try:
            return cls().run_validation(text)
        except serializers.ValidationError as error:
            raise serializers.ValidationError({"external_id": error.detail}) from None
