"""Bodies: JSON objects only, and nothing in them that a database or another reader could take otherwise.

Python's own reader lets NaN, repeated names, endless digits and half characters through; here each is an `invalid`.
"""

import json
from collections.abc import Mapping
from typing import IO, Any

from django.utils.translation import gettext_lazy as _
from rest_framework.parsers import BaseParser

from promote.problems import TooLarge
from promote.refusals import FieldError, Invalid, Text

BODY_MAX_BYTES = 1_000_000
DEPTH_MAX = 16
DIGITS_MAX = 40
"""More digits than any field takes: fields themselves say what is too large."""


class Malformed(Invalid):
    def __init__(self, code: str, detail: Text, field: str = "") -> None:
        super().__init__([FieldError(field, code, detail)])


class StrictJSON(BaseParser):
    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        raw = stream.read(BODY_MAX_BYTES + 1)
        return read_object(raw)


def read_object(raw: bytes) -> dict[str, Any]:
    """The JSON object in `raw`; an empty body is an empty object. Raises Malformed, TooLarge."""
    if len(raw) > BODY_MAX_BYTES:
        raise TooLarge
    if not raw.strip():
        return {}
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise Malformed("encoding", _("The body is not valid UTF-8.")) from None
    try:
        value = json.loads(
            text, object_pairs_hook=_object, parse_int=_integer, parse_float=_number, parse_constant=_constant
        )
    except RecursionError:
        raise _too_deep("") from None
    except json.JSONDecodeError as error:
        raise Malformed(
            "malformed", _("The body is not JSON: line %d, column %d.") % (error.lineno, error.colno)
        ) from None
    if not isinstance(value, dict):
        raise Malformed("not_an_object", _("The body must be a JSON object."))
    _check(value, "", 1)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _value in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise Malformed("duplicate", _("This name stands twice in one object."), twice[:64])
    return found


def _integer(digits: str) -> int:
    if len(digits) > DIGITS_MAX:
        raise Malformed("number_too_large", _("A number in the body has too many digits."))
    return int(digits)


def _number(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise Malformed("number_too_large", _("A number in the body is too large."))
    return value


def _constant(name: str) -> Any:
    raise Malformed("malformed", _("NaN and Infinity are not JSON."))


def _check(value: Any, path: str, depth: int) -> None:
    """Depth, and strings that PostgreSQL can't hold: NUL, and halves of surrogate pairs."""
    if depth > DEPTH_MAX:
        raise _too_deep(path)
    if isinstance(value, str):
        _check_text(value, path)
    elif isinstance(value, dict):
        for name, inner in value.items():
            _check_text(name, path)
            _check(inner, f"{path}.{name}" if path else name, depth + 1)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            _check(inner, f"{path}.{number}", depth + 1)


def _check_text(text: str, path: str) -> None:
    if "\x00" in text or any("\ud800" <= character <= "\udfff" for character in text):
        shown = path.encode("utf-8", "replace").decode().replace("\x00", "?")
        raise Malformed("characters", _("This text holds a character that is not allowed."), shown[:200])


def _too_deep(path: str) -> Malformed:
    return Malformed("too_deep", _("The body is nested too deeply."), path[:200])
