"""As much of HTTP as the edge needs: a request, its body within bounds, an answer, a problem (api.md, Problems)."""

import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import parse_qs

import msgspec

from promote.refusals import FieldError, Invalid, Refusal
from promote.rest import problems

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
T = TypeVar("T")

JSON = (b"content-type", b"application/json")
PROBLEM = (b"content-type", b"application/problem+json")
# Decisions are asked for by servers alone; events and live figures come from apps and pages of other origins.
OPEN_TO_PAGES = ((b"access-control-allow-origin", b"*"), (b"access-control-max-age", b"86400"))
PREFLIGHT = (
    *OPEN_TO_PAGES,
    (b"access-control-allow-methods", b"GET, POST, OPTIONS"),
    (b"access-control-allow-headers", b"authorization, content-type, last-event-id"),
)
_AT = re.compile(r" - at `(?P<path>[^`]*)`$")
_encoder = msgspec.json.Encoder()


@dataclass(slots=True)
class Request:
    scope: Scope
    receive: Receive
    send: Send
    headers: Mapping[bytes, bytes] = field(init=False)

    def __post_init__(self) -> None:
        self.headers = dict(self.scope["headers"])

    @property
    def method(self) -> str:
        return str(self.scope["method"])

    @property
    def path(self) -> str:
        return str(self.scope["path"])

    def header(self, name: bytes) -> str:
        return self.headers.get(name, b"").decode("latin-1").strip()

    def query(self, name: str) -> str:
        if not (text := self.scope["query_string"]):
            return ""
        found = parse_qs(text.decode("latin-1")).get(name)
        return found[0] if found else ""

    async def body(self, most: int) -> bytes:
        """Raises TooLarge, Disconnected."""
        length = self.headers.get(b"content-length", b"")
        if length.isdigit() and int(length) > most:
            raise problems.TooLarge
        parts, size = [], 0
        while True:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                raise Disconnected
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > most:
                raise problems.TooLarge
            if not message.get("more_body"):
                return b"".join(parts)


class Disconnected(Exception):
    """Whoever asked is gone."""


async def answer(
    request: Request, value: Any, *, status: int = 200, headers: tuple[tuple[bytes, bytes], ...] = ()
) -> None:
    body = _encoder.encode(value)
    length = (b"content-length", str(len(body)).encode())
    await request.send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [JSON, length, (b"cache-control", b"no-store"), *headers],
        }
    )
    await request.send({"type": "http.response.body", "body": body})


async def empty(request: Request, *, status: int, headers: tuple[tuple[bytes, bytes], ...] = ()) -> None:
    await request.send({"type": "http.response.start", "status": status, "headers": list(headers)})
    await request.send({"type": "http.response.body", "body": b""})


async def refuse(request: Request, refusal: Refusal, *, headers: tuple[tuple[bytes, bytes], ...] = ()) -> None:
    body = _encoder.encode(problems.document(refusal))
    extra = [(name.lower().encode(), value.encode()) for name, value in problems.headers(refusal).items()]
    length = (b"content-length", str(len(body)).encode())
    await request.send(
        {"type": "http.response.start", "status": refusal.status, "headers": [PROBLEM, length, *extra, *headers]}
    )
    await request.send({"type": "http.response.body", "body": body})


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
