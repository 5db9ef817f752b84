"""One connection of HTTP/1.1: its requests are read whole, and answered in the order in which they came.

It is parsed (llhttp) in the thread that decides, so that no request waits for another thread to have Python's lock.
Source: RFC 9112.
"""

import asyncio
from collections import deque
from typing import Protocol, cast

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser, parse_url

from delivery.edge.http import BODY_MAX_BYTES, THROWN_AWAY, Request
from promote.refusals import FieldError, Invalid, Refusal
from promote.rest.problems import TooLarge

HEAD_MAX_BYTES = 64 * 1024
READ_AHEAD = 8
"""So many requests may be sent before the first of them is answered; then the others wait on the wire."""
HEAD_WITHIN_S, SILENT_MOST_S, IDLE_MOST_S = 30.0, 30.0, 75.0
"""From its first byte a request has so long to tell its headers; its body may pause so long; and so long a connection
may be kept for the next one (nginx closes its own after 60)."""


class Site(Protocol):
    """Whose connections these are."""

    is_ending: bool

    def joined(self, connection: "Connection") -> None: ...
    def asked(self, request: Request) -> asyncio.Task[None]:
        """It will be answered."""
        ...

    def left(self, connection: "Connection") -> None: ...


class Connection(asyncio.Protocol):
    def __init__(self, site: Site) -> None:
        self.gone = False
        self._site = site
        self._loop = asyncio.get_running_loop()
        self._parser: HttpRequestParser | None = HttpRequestParser(self)
        self._heard_at = self._begun_at = self._loop.time()
        self._url = b""
        self._headers: dict[bytes, bytes] = {}
        self._request: Request | None = None
        """What is being read, once its headers are known."""
        self._in_head = False
        self._head_bytes = 0
        self._answering: asyncio.Task[None] | None = None
        self._read: deque[Request] = deque()
        """Requests that wait for the one before them."""
        self._is_paused = False
        self._goes = asyncio.Event()
        """Clear while the other side does not read what it is sent."""
        self._goes.set()
        self._lost: asyncio.Future[None] | None = None

    # What the loop tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._site.joined(self)

    def data_received(self, data: bytes) -> None:
        self._heard_at = self._loop.time()
        was_in_head = self._in_head
        try:
            if self._parser is not None:
                self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade):
            self._refuse_last(Invalid([FieldError("", "malformed", "This is not HTTP/1.1.")]))
            return
        if was_in_head and self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_MAX_BYTES:
                self._refuse_last(TooLarge())

    def pause_writing(self) -> None:
        self._goes.clear()

    def resume_writing(self) -> None:
        self._goes.set()
        self._next()

    def connection_lost(self, error: Exception | None) -> None:
        self.gone = True
        self._parser = None
        self._read.clear()
        self._goes.set()
        if self._lost is not None and not self._lost.done():
            self._lost.set_result(None)
        self._site.left(self)

    # What the parser tells.

    def on_message_begin(self) -> None:
        self._in_head, self._head_bytes, self._begun_at = True, 0, self._heard_at
        self._url, self._headers = b"", {}

    def on_url(self, part: bytes) -> None:
        self._url += part

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        assert self._parser is not None
        self._in_head = False
        url = self._url
        path, _, query = url.partition(b"?") if url.startswith(b"/") else _parts(url)
        # What follows a body in chunks is not one of the headers.
        headers, self._headers = self._headers, {}
        self._request = Request(
            self,
            self._parser.get_method().decode("ascii"),
            path.decode("latin-1"),
            query.decode("latin-1"),
            headers,
            is_last=not self._parser.should_keep_alive(),
        )
        if headers.get(b"expect", b"").lower() == b"100-continue" and self._answering is None:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, part: bytes) -> None:
        request = self._request
        if request is not None and request.take(part) > BODY_MAX_BYTES + THROWN_AWAY:
            self._refuse_last(TooLarge())

    def on_message_complete(self) -> None:
        request, self._request = self._request, None
        if request is None:
            return
        self._read.append(request)
        if self._answering is None:
            self._next()
        elif len(self._read) >= READ_AHEAD and not self._is_paused:
            self._is_paused = True
            self._transport.pause_reading()

    # What requests tell.

    @property
    def address(self) -> str:
        """Of the other side, without its port; "" where it is not known."""
        peer = self._transport.get_extra_info("peername")
        return str(peer[0]) if isinstance(peer, tuple) else ""

    @property
    def is_ending(self) -> bool:
        return self._site.is_ending

    def send(self, data: bytes) -> None:
        if not self.gone:
            self._transport.write(data)

    async def drained(self) -> None:
        await self._goes.wait()

    async def lost(self) -> None:
        if not self.gone:
            self._lost = self._lost or self._loop.create_future()
            await asyncio.shield(self._lost)

    def answered(self, *, is_last: bool) -> None:
        self._answering = None
        if is_last:
            self.close()
        else:
            self._next()

    def close(self) -> None:
        self._parser = None
        self._transport.close()

    # What time tells.

    def look(self, now: float) -> None:
        """Ends who is too slow, and who has not asked for long."""
        if self._transport.is_closing():
            self._transport.abort()  # what it was sent, it does not read
            return
        if self._answering is not None:
            return
        if self._in_head:
            is_late = now - self._begun_at > HEAD_WITHIN_S
        else:
            is_late = now - self._heard_at > (SILENT_MOST_S if self._request is not None else IDLE_MOST_S)
        if is_late:
            self.close()

    def end(self) -> None:
        """No request after those that are being read or answered."""
        if self._answering is None and self._request is None and not self._in_head:
            self.close()

    def _next(self) -> None:
        if self._answering is not None or not self._read or not self._goes.is_set():
            return
        self._answering = self._site.asked(self._read.popleft())
        if self._is_paused and self._parser is not None:
            self._is_paused = False
            self._transport.resume_reading()

    def _refuse_last(self, refusal: Refusal) -> None:
        """What can't be read is refused in its turn, and nothing is read after it."""
        request = self._request or Request(self, "", "", "", {}, is_last=True)
        request.is_last, request.refusal = True, refusal
        self._request, self._parser, self._in_head = None, None, False
        self._read.append(request)
        self._next()


def _parts(url: bytes) -> tuple[bytes, bytes, bytes]:
    """Of an address that names its host, as a proxy is asked for it."""
    parsed = parse_url(url)
    return parsed.path or b"/", b"?", parsed.query or b""
