"""What one caller may take of an edge, and all of them together: over real sockets, looked at when the test says so."""

import asyncio
import json
import socket
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
import uvloop

from delivery.edge.app import Edge
from delivery.edge.bounds import Bounds, Patience
from delivery.edge.callers import Keys
from delivery.edge.connection import Connection
from delivery.edge.hub import STALE_S
from delivery.edge.serving import Server

LONG, NONE = Patience(60, 60, 60, 60, 60), Patience(-1, -1, -1, -1, -1)
ALIVE = b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n"
POST = b"POST /v1/events HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n"
CHUNKED = b"POST /v1/events HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
READY = b"GET /health/ready HTTP/1.1\r\nhost: x\r\n\r\n"
ASKED = b'{"viewer":{"id":"v","country":"US","age_band":"25-34"},"surface":"feed","slots":[{}]}'
DECIDE = b"POST /v1/decide HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n%b" % (len(ASKED), ASKED)
EVENTS = b'{"events":[{"token":"x","type":"impression"}]}'


class Caller:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def answer(self) -> tuple[int, dict[str, str], dict]:
        """Status, headers, body."""
        async with asyncio.timeout(20):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = dict(line.split(": ", 1) for line in head[1:] if line)
            body = json.loads(await self.reader.readexactly(int(headers["content-length"])))
        return int(head[0].split()[1]), headers, body

    async def asks(self, *parts: bytes) -> int:
        """The status of the answer."""
        self.writer.writelines(parts)
        return (await self.answer())[0]

    async def is_left(self) -> bool:
        async with asyncio.timeout(20):
            try:
                return await self.reader.read() == b""
            except ConnectionError:
                return True


class Place:
    """A server of this process, and who calls it."""

    def __init__(self, server: Server, port: int) -> None:
        self.server, self.port = server, port

    async def caller(self) -> Caller:
        return Caller(*await asyncio.open_connection("127.0.0.1", self.port))

    async def heard(self, data: bytes) -> Caller:
        """Somebody who has sent this, and was not answered."""
        caller = await self.caller()
        caller.writer.write(data)
        await until(lambda: any(one._in_head or one._request for one in self.server._connections))
        return caller


async def until(what: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not what():  # noqa: ASYNC110  (what the server does tells nobody)
            await asyncio.sleep(0.005)


def within(test: Callable[[Place], Awaitable[None]], **limits: object) -> None:
    async def run() -> None:
        server = Server(Edge(), replace(Bounds(100, patience=LONG, hurry=LONG), **limits))
        listening = await asyncio.get_running_loop().create_server(lambda: Connection(server), "127.0.0.1", 0)
        async with listening:
            await test(Place(server, listening.sockets[0].getsockname()[1]))

    uvloop.run(run())


@pytest.mark.parametrize("not_read", ["_read_at", "_paced_at"])
def test_an_edge_whose_world_is_old_decides_nothing(monkeypatch, not_read):
    async def known(*_: object) -> None: ...

    monkeypatch.setattr(Keys, "demand", known)

    async def test(place: Place) -> None:
        hub = place.server._edge.hub
        hub._read_at = hub._paced_at = time.monotonic()
        caller = await place.caller()
        assert [await caller.asks(DECIDE), await caller.asks(READY)] == [200, 200]
        setattr(hub, not_read, time.monotonic() - STALE_S)
        caller.writer.write(DECIDE)
        status, _headers, body = await caller.answer()
        assert (status, body["code"]) == (503, "unavailable")
        assert await caller.asks(READY) == 503

    within(test)


def test_who_comes_when_all_places_are_taken_is_told_so_and_a_place_that_is_left_is_the_next_ones():
    async def test(place: Place) -> None:
        first, second = await place.caller(), await place.caller()
        assert [await first.asks(ALIVE), await second.asks(ALIVE)] == [200, 200]
        third = await place.caller()
        third.writer.write(POST % 100_000 + b" " * 50_000)
        status, headers, body = await third.answer()
        assert (status, headers["connection"], headers["retry-after"], body["code"]) == (
            503,
            "close",
            "1",
            "unavailable",
        )
        assert "More connections are open" in body["detail"]
        assert await third.is_left()
        first.writer.close()
        await until(lambda: len(place.server._connections) < 2)
        assert await (await place.caller()).asks(ALIVE) == 200
        assert await second.asks(ALIVE) == 200

    within(test, connections=2)


@pytest.mark.parametrize(
    "sent",
    [b"GET /health/li", b"GET / HTTP/1.1\r\nx-slow: ", POST % 100, POST % 100 + b"{", CHUNKED + b"1\r\n{\r\n"],
)
def test_a_request_that_never_ends_is_told_so_and_left(sent):
    async def test(place: Place) -> None:
        slow = await place.heard(sent)
        await place.server.look()
        status, headers, body = await slow.answer()
        assert (status, headers["connection"], body["code"]) == (408, "close", "request_timeout")
        assert "Send it again" in body["detail"]
        assert await slow.is_left()

    within(test, patience=NONE)


def test_a_body_that_comes_in_drops_has_its_time_as_a_whole():
    async def test(place: Place) -> None:
        drops = await place.heard(POST % 100)
        await place.server.look()
        drops.writer.write(b"{")
        await until(lambda: any(one._request and one._request.size for one in place.server._connections))
        place.server.bounds = replace(place.server.bounds, patience=replace(LONG, whole_s=-1))
        await place.server.look()
        assert (await drops.answer())[0] == 408

    within(test)


def test_who_asked_for_nothing_for_long_is_left_without_a_word_and_sooner_in_a_crowd():
    async def test(place: Place) -> None:
        callers = [await place.caller() for _ in range(2)]
        assert [await one.asks(ALIVE) for one in callers] == [200] * 2
        await place.server.look()
        assert [await one.asks(ALIVE) for one in callers] == [200] * 2
        callers.append(await place.caller())
        assert await callers[-1].asks(ALIVE) == 200
        await place.server.look()
        assert all([await one.is_left() for one in callers])

    within(test, connections=4, hurry=NONE)


def test_who_does_not_read_is_left_before_much_waits_for_it():
    async def test(place: Place) -> None:
        deaf = socket.socket()
        for direction in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            deaf.setsockopt(socket.SOL_SOCKET, direction, 4096)
        deaf.connect(("127.0.0.1", place.port))
        deaf.setblocking(False)
        most, left, blocked = 0, b"", 0
        async with asyncio.timeout(20):
            while blocked < 20 or not (most and place.server._held_bytes):
                left = left or ALIVE * 200
                try:
                    left = left[deaf.send(left) :]
                    blocked = 0
                except BlockingIOError:
                    blocked += 1
                await asyncio.sleep(0.002)
                most = max(most, *(one._transport.get_write_buffer_size() for one in place.server._connections))
        assert 0 < most < 200_000
        [connection] = place.server._connections
        assert connection._held == place.server._held_bytes > 0
        assert len(connection._read) * len(ALIVE) < 2 * 256 * 1024, "a piece or two of what the system read"
        await place.server.look()
        place.server.bounds = replace(place.server.bounds, patience=replace(LONG, unread_s=-1))
        await place.server.look()
        await until(lambda: not place.server._connections)
        assert place.server._held_bytes == 0
        deaf.close()

    within(test)


def test_large_bodies_have_a_bound_together_and_what_was_answered_is_no_part_of_it():
    async def test(place: Place) -> None:
        body = EVENTS + b" " * 180_000
        for _ in range(3):
            assert await (await place.caller()).asks(POST % len(body) + body) == 202
        assert place.server._held_bytes == 0
        half = await place.heard(POST % len(body) + body[:170_000])
        await until(lambda: place.server._held_bytes >= 100_000)
        refused = await place.caller()
        refused.writer.write(POST % len(body) + body)
        status, headers, told = await refused.answer()
        assert (status, headers["retry-after"]) == (503, "1")
        assert "can hold" in told["detail"]
        assert await (await place.caller()).asks(POST % len(EVENTS) + EVENTS) == 202
        assert await half.asks(body[170_000:]) == 202
        assert await refused.is_left()
        assert place.server._held_bytes == 0

    within(test, held_bytes=200_000)


def test_what_follows_a_body_in_chunks_has_a_bound():
    async def test(place: Place) -> None:
        endless = await place.caller()
        endless.writer.write(CHUNKED + b"1\r\n{\r\n0\r\nx-trailer: ")
        for _ in range(9):
            endless.writer.write(b"a" * (1 << 20))
        assert (await endless.answer())[0] == 413

    within(test)


def test_a_body_may_come_a_byte_at_a_time():
    async def test(place: Place) -> None:
        drops = b"".join(b"1\r\n%c\r\n" % one for one in EVENTS + b" " * 70_000)
        assert await (await place.caller()).asks(CHUNKED + drops + b"0\r\n\r\n") == 202
        assert place.server._held_bytes == 0

    within(test)
