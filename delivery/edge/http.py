"""As much of HTTP as the edge needs: a request, its body within bounds, an answer, a problem (api.md, Problems)."""

import re
from collections.abc import AsyncIterator
from typing import Any, Protocol, TypeVar
from urllib.parse import parse_qs

import msgspec

from promote.refusals import FieldError, Invalid, Refusal
from promote.rest import problems

T = TypeVar("T")
Header = tuple[str, str]

JSON = ("content-type", "application/json")
PROBLEM = ("content-type", "application/problem+json")
NOT_STORED = ("cache-control", "no-store")
# Decisions are asked for by servers alone; events and live figures come from apps and pages of other origins.
OPEN_TO_PAGES = (("access-control-allow-origin", "*"), ("access-control-max-age", "86400"))
PREFLIGHT = (
    *OPEN_TO_PAGES,
    ("access-control-allow-methods", "GET, POST, OPTIONS"),
    ("access-control-allow-headers", "authorization, content-type, last-event-id"),
)
THROWN_AWAY = 4 * 1024 * 1024
"""Of a body that is too large so much is read all the same: who is still sending does not see the answer."""
_AT = re.compile(r" - at `(?P<path>[^`]*)`$")
_encoder = msgspec.json.Encoder()


class Headers(Protocol):
    def get(self, name: str, default: str = ..., /) -> str: ...


class Scope(Protocol):
    """What RSGI tells of a request; the names of headers are in small letters."""

    proto: str
    method: str
    path: str
    query_string: str
    client: str

    @property
    def headers(self) -> Headers: ...


class Stream(Protocol):
    async def send_bytes(self, data: bytes) -> None: ...


class Exchange(Protocol):
    """The other side of a request, as Granian gives it."""

    async def __call__(self) -> bytes: ...
    def __aiter__(self) -> AsyncIterator[bytes]: ...
    async def client_disconnect(self) -> None: ...
    def response_empty(self, status: int, headers: list[Header]) -> None: ...
    def response_bytes(self, status: int, headers: list[Header], body: bytes) -> None: ...
    def response_stream(self, status: int, headers: list[Header]) -> Stream: ...


class Request:
    __slots__ = ("_headers", "_scope", "exchange", "method", "path")

    def __init__(self, scope: Scope, exchange: Exchange) -> None:
        self.exchange = exchange
        self.method, self.path = scope.method, scope.path
        self._scope, self._headers = scope, scope.headers

    @property
    def address(self) -> str:
        """Who connected, without the port; "" where it is not known."""
        return self._scope.client.rpartition(":")[0].strip("[]")

    def header(self, name: str) -> str:
        return self._headers.get(name, "").strip()

    def query(self, name: str) -> str:
        if not (text := self._scope.query_string):
            return ""
        found = parse_qs(text).get(name)
        return found[0] if found else ""

    async def body(self, most: int) -> bytes:
        """Raises TooLarge."""
        length = self._headers.get("content-length", "")
        if length.isdigit() and int(length) <= most:
            return await self.exchange()
        parts, size = [], 0
        async for part in self.exchange:
            size += len(part)
            if size > most + THROWN_AWAY:
                break
            if size <= most:
                parts.append(part)
        if size > most:
            raise problems.TooLarge
        return b"".join(parts)

    def answer(self, value: Any, *, status: int = 200, headers: tuple[Header, ...] = ()) -> None:
        self.exchange.response_bytes(status, [JSON, NOT_STORED, *headers], _encoder.encode(value))

    def empty(self, *, status: int, headers: tuple[Header, ...] = ()) -> None:
        self.exchange.response_empty(status, list(headers))

    def refuse(self, refusal: Refusal, *, headers: tuple[Header, ...] = ()) -> None:
        extra = [(name.lower(), value) for name, value in problems.headers(refusal).items()]
        body = _encoder.encode(problems.document(refusal))
        self.exchange.response_bytes(refusal.status, [PROBLEM, *extra, *headers], body)


def decode(decoder: msgspec.json.Decoder[T], raw: bytes) -> T:
    """The body as the decoder's type. Raises Invalid, which names the field."""
    try:
        return decoder.decode(raw)
    except msgspec.ValidationError as error:
        raise Invalid([field_error(error)]) from None
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise Invalid([FieldError("", "malformed", f"The body is not JSON: {error}")]) from None


def field_error(error: msgspec.ValidationError) -> FieldError:
    """msgspec's `Expected `int`, got `str` - at `$.slots[0].floor_micros`` as a field and a sentence."""
    text = str(error)
    at = _AT.search(text)
    path = re.sub(r"\[(\d+|\.\.\.)\]", r".\1", at["path"].removeprefix("$").lstrip(".")) if at else ""
    sentence = text[: at.start()] if at else text
    if missing := re.search(r"missing required field `([^`]*)`", sentence):
        return FieldError(f"{path}.{missing[1]}" if path else missing[1], "required", "This field is required.")
    return FieldError(path, "invalid", f"{sentence}.")
