"""One connection of HTTP/1.1: its requests are read whole, and answered in the order in which they came.

It is parsed (llhttp) in the thread that decides, so that no request waits for another thread to have Python's lock.
Source: RFC 9112.
"""

import asyncio
from collections import deque
from typing import Protocol, cast

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser, parse_url

from delivery.edge import bounds
from delivery.edge.bounds import Patience
from delivery.edge.http import BODY_MAX_BYTES, THROWN_AWAY, Request
from promote.problems import TooLarge
from promote.refusals import FieldError, Invalid, Refusal


class Site(Protocol):
    """Whose connections these are."""

    is_ending: bool

    def joined(self, connection: "Connection") -> None:
        """It stays, or is turned away."""
        ...

    def holds(self, more: int) -> bool:
        """Whether there is room for so many bytes more of large bodies; fewer are given back."""
        ...

    def asked(self, request: Request) -> None:
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
        self._bytes = 0
        """Of what is being read, behind the piece that it began in."""
        self._held = self._in_hand = 0
        """What large bodies, and many requests ahead, count for; and of that what is being answered."""
        self._sent = self._taken = 0
        """Bytes that it was sent, and of them those that it had taken when it was last seen to take some."""
        self._stuck_at: float | None = None
        """Since when it was seen to take none of what it is sent."""
        self._is_cut_short = False
        """It may still be sending what nobody reads."""
        self._is_answering = False
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
        if self._parser is None:
            return
        self._heard_at = self._loop.time()
        self._bytes += len(data)
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade):
            self._refuse_last(Invalid([FieldError("", "malformed", "This is not HTTP/1.1.")]))
            return
        if self._bytes > bounds.HEAD_MAX_BYTES and (self._in_head or self._bytes > bounds.MESSAGE_MAX_BYTES):
            self._refuse_last(TooLarge())

    def pause_writing(self) -> None:
        self._goes.clear()

    def resume_writing(self) -> None:
        self._goes.set()
        self._next()

    def connection_lost(self, error: Exception | None) -> None:
        self.gone = True
        self._parser = self._request = None
        self._read.clear()
        self._let_go(self._held)
        self._goes.set()
        if self._lost is not None and not self._lost.done():
            self._lost.set_result(None)
        self._site.left(self)

    # What the parser tells.

    def on_message_begin(self) -> None:
        self._in_head, self._bytes, self._begun_at = True, 0, self._heard_at
        self._url, self._headers = b"", {}

    def on_url(self, part: bytes) -> None:
        self._url += part

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        self._in_head = False
        if self._parser is None:  # what came before it in the same piece was refused
            return
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
        if headers.get(b"expect", b"").lower() == b"100-continue" and not self._is_answering:
            self.send(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, part: bytes) -> None:
        request = self._request
        if request is not None and (size := request.take(part)) > bounds.LARGE_BYTES:
            if size > BODY_MAX_BYTES + THROWN_AWAY:
                self._refuse_last(TooLarge())
            elif size <= BODY_MAX_BYTES:  # what is beyond is thrown away
                self._hold(request, len(part))

    def on_message_complete(self) -> None:
        request, self._request = self._request, None
        if request is None:
            return
        self._read.append(request)
        if not self._is_answering:
            self._next()
        # It waits where nobody reads the answers, too.
        if self._read and self._is_far_ahead():
            if not self._is_paused:
                self._is_paused = True
                self._transport.pause_reading()
            self._hold(request, bounds.REQUEST_BYTES)

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
            self._sent += len(data)
            self._transport.write(data)

    async def drained(self) -> None:
        await self._goes.wait()

    async def lost(self) -> None:
        if not self.gone:
            self._lost = self._lost or self._loop.create_future()
            await asyncio.shield(self._lost)

    def answered(self, *, is_last: bool) -> None:
        self._is_answering = False
        if self._in_hand:
            self._let_go(self._in_hand)
        if is_last:
            self.close()
        else:
            self._next()

    def close(self) -> None:
        self._parser = None
        if not self._is_cut_short or self.gone or self._transport.is_closing():
            self._transport.close()
            return
        # The system would take the answer back from who is still sending: a while longer it is read and thrown away.
        self._transport.write_eof()
        self._loop.call_later(bounds.LEFT_WITHIN_S, self._transport.abort)

    # What the site tells.

    def turn_away(self) -> None:
        """All places are taken. It is told so before it has asked."""
        self._refuse_last(bounds.TooManyConnections())

    def abort(self) -> None:
        self._transport.abort()

    # What time tells.

    def look(self, now: float, patience: Patience) -> None:
        """Ends who reads or sends too slowly, and who has not asked for long."""
        if self.gone:
            return
        if self._does_not_read(now, patience):
            self._transport.abort()
        elif self._is_answering or self._read or self._transport.is_closing():
            return
        elif self._in_head:
            if now - self._begun_at > patience.head_s:
                self._refuse_last(bounds.TooSlow())
        elif self._request is not None:
            if now - self._begun_at > patience.whole_s or now - self._heard_at > patience.silent_s:
                self._refuse_last(bounds.TooSlow())
        elif now - self._begun_at > patience.idle_s:
            self.close()

    def _does_not_read(self, now: float, patience: Patience) -> bool:
        unread = self._transport.get_write_buffer_size()
        if not unread:
            self._stuck_at = None
            return False
        taken = self._sent - unread
        if self._stuck_at is None or taken > self._taken:
            self._taken, self._stuck_at = taken, now
        return now - self._stuck_at > patience.unread_s

    def end(self) -> None:
        """No request after those that are being read or answered."""
        if not self._is_answering and self._request is None and not self._in_head:
            self.close()

    def _next(self) -> None:
        if self._is_answering or not self._read or not self._goes.is_set():
            return
        request = self._read.popleft()
        self._in_hand = request.held
        self._is_answering = True
        self._site.asked(request)
        if self._is_paused and self._parser is not None and not self._is_far_ahead():
            self._is_paused = False
            self._transport.resume_reading()

    def _refuse_last(self, refusal: Refusal) -> None:
        """What can't be read is refused in its turn, and nothing is read after it."""
        if self._parser is None:  # it was refused before
            return
        request = self._request or Request(self, "", "", "", {}, is_last=True)
        request.is_last, request.refusal = True, refusal
        self._request, self._parser, self._in_head = None, None, False
        self._is_cut_short = True
        self._read.append(request)
        self._next()

    def _is_far_ahead(self) -> bool:
        waiting = self._read
        return len(waiting) >= bounds.READ_AHEAD or sum(one.size for one in waiting) > bounds.READ_AHEAD_BYTES

    def _hold(self, request: Request, more: int) -> None:
        """Reads on within what all callers may have waiting together."""
        request.held += more
        self._held += more
        if not self._site.holds(more):
            self._refuse_last(bounds.TooMuchHeld())

    def _let_go(self, held: int) -> None:
        self._site.holds(-held)
        self._held -= held
        self._in_hand = 0


def _parts(url: bytes) -> tuple[bytes, bytes, bytes]:
    """Of an address that names its host, as a proxy is asked for it."""
    parsed = parse_url(url)
    return parsed.path or b"/", b"?", parsed.query or b""
