"""As much of HTTP as the edge needs: a request, its body within bounds, an answer, a problem (api.md, Problems)."""

import re
import time
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from typing import Any, Protocol, TypeVar
from urllib.parse import parse_qs

import msgspec

from promote import problems
from promote.refusals import FieldError, Invalid, Refusal

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
BODY_MAX_BYTES = THROWN_AWAY = 4 * 1024 * 1024
"""No call takes a larger body. Of one that is too large so much is read all the same, and thrown away: who is still
sending does not see the answer."""
_AT = re.compile(r" - at `(?P<path>[^`]*)`$")
_encoder = msgspec.json.Encoder()


class Gone(ConnectionError):
    """Whoever asked is gone."""


class Channel(Protocol):
    """The connection that a request came by, and its answer goes by."""

    @property
    def address(self) -> str: ...
    @property
    def is_ending(self) -> bool: ...
    @property
    def gone(self) -> bool: ...
    def send(self, data: bytes) -> None: ...
    def answered(self, *, is_last: bool) -> None: ...
    async def drained(self) -> None: ...
    async def lost(self) -> None: ...


class Request:
    __slots__ = (
        "_body", "_channel", "_headers", "_is_answered", "_size",
        "held", "is_last", "method", "path", "query_string", "refusal",
    )  # fmt: skip

    def __init__(
        self, channel: Channel, method: str, path: str, query_string: str, headers: dict[bytes, bytes], *, is_last: bool
    ) -> None:
        """`headers` by their names in small letters; `is_last`: nothing is asked after it on this connection."""
        self.method, self.path, self.query_string, self.is_last = method, path, query_string, is_last
        self.refusal: Refusal | None = None
        """Why it could not be read."""
        self._channel, self._headers = channel, headers
        self._body: bytes | bytearray = b""
        self._size = self.held = 0
        self._is_answered = False

    @property
    def address(self) -> str:
        """Who connected, without the port; "" where it is not known."""
        return self._channel.address

    def header(self, name: bytes) -> str:
        value = self._headers.get(name)
        return value.strip().decode("latin-1") if value else ""

    def query(self, name: str) -> str:
        if not (text := self.query_string):
            return ""
        found = parse_qs(text).get(name)
        return found[0] if found else ""

    def take(self, part: bytes) -> int:
        """A part of its body as it comes. How many bytes that makes: what is beyond BODY_MAX_BYTES is thrown away."""
        size = self._size = self._size + len(part)
        if size == len(part):
            self._body = part
        elif size <= BODY_MAX_BYTES:
            # A body in pieces of a byte would be a list of as many objects.
            if isinstance(self._body, bytes):
                self._body = bytearray(self._body)
            self._body += part
        return size

    @property
    def is_forsaken(self) -> bool:
        """Whether whoever asked is gone."""
        return self._channel.gone

    @property
    def size(self) -> int:
        """Bytes of its body."""
        return self._size

    def body(self, most: int) -> bytes:
        """Raises TooLarge."""
        if self._size > most:
            raise problems.TooLarge
        body = self._body
        return body if isinstance(body, bytes) else bytes(body)

    def answer(self, value: Any, *, status: int = 200, headers: tuple[Header, ...] = ()) -> None:
        self._answer(status, (JSON, NOT_STORED, *headers), _encoder.encode(value))

    def empty(self, *, status: int, headers: tuple[Header, ...] = ()) -> None:
        self._answer(status, headers, b"")

    def refuse(self, refusal: Refusal, *, headers: tuple[Header, ...] = ()) -> None:
        extra = [(name.lower(), value) for name, value in problems.headers(refusal).items()]
        self._answer(refusal.status, (PROBLEM, *extra, *headers), _encoder.encode(problems.document(refusal)))

    def stream(self, *, headers: tuple[Header, ...]) -> "Stream":
        self._is_answered = True
        return Stream(self._channel, head(200, headers))

    def _answer(self, status: int, headers: tuple[Header, ...], body: bytes) -> None:
        if self._is_answered:  # what broke, broke behind the answer
            return
        self._is_answered = True
        channel, is_last = self._channel, self.is_last or self._channel.is_ending
        length = b"" if status == 204 else b"content-length: %d\r\n" % len(body)
        ending = b"connection: close\r\n" if is_last else b""
        shown = b"" if self.method == "HEAD" else body
        channel.send(b"".join((head(status, headers), _date(int(time.time())), length, ending, b"\r\n", shown)))
        channel.answered(is_last=is_last)


class Stream:
    """An answer whose length nobody knows: it ends with its connection."""

    def __init__(self, channel: Channel, head: bytes) -> None:
        self._channel = channel
        channel.send(head + _date(int(time.time())) + b"connection: close\r\n\r\n")

    async def send(self, data: bytes) -> None:
        """Raises Gone."""
        if self._channel.gone:
            raise Gone
        self._channel.send(data)
        await self._channel.drained()

    async def until_gone(self) -> None:
        await self._channel.lost()

    def end(self) -> None:
        self._channel.answered(is_last=True)


@lru_cache(maxsize=256)
def head(status: int, headers: tuple[Header, ...]) -> bytes:
    """The first line of an answer, and what of its headers is the same each time."""
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", *(f"{name}: {value}" for name, value in headers), ""]
    return "\r\n".join(lines).encode("latin-1")


@lru_cache(maxsize=2)
def _date(now_s: int) -> bytes:
    return f"date: {formatdate(now_s, usegmt=True)}\r\n".encode("ascii")


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
