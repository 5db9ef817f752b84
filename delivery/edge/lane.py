"""The edge's way to Redis: what concurrent requests ask for goes out in one write, and nothing waits alone.

One connection, always in use: answers come in the order in which was asked, so that a second one would add nothing but
doubt about that order.
"""

import asyncio
import ssl
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, cast

import hiredis
from redis.asyncio.connection import parse_url
from redis.exceptions import ConnectionError as Disconnected
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as Late

from delivery import hot
from delivery.hot import Call, Packed

Command = tuple[Any, ...]
Asking = Call | Packed | Command
PATIENCE_S = 5.0
"""A Redis that says nothing for so long is left."""


class Lane:
    """`met` hears Redis' name for its own run on every new connection, before anything else is sent on it."""

    def __init__(self, url: str, *, met: Callable[[str], None]) -> None:
        self._address: dict[str, Any] = {**parse_url(url)}
        self._met = met
        self._wire: _Wire | None = None
        self._connecting = asyncio.Lock()

    async def run(self, *calls: Asking) -> list[Any]:
        """The answers of scripts and plain commands. Raises RedisError where one was not answered.

        What was sent and not answered is not sent again: a charge would be told to be a duplicate.
        """
        if not calls:
            return []
        wire = self._wire
        if wire is None or wire.is_lost:
            wire = await self._connected()
        answers = await wire.ask([_raw(call) for call in calls])
        for place, one in enumerate(answers):
            if isinstance(one, hiredis.ReplyError):
                answers[place] = await self._again(wire, calls[place], one)
        return answers

    async def close(self) -> None:
        if self._wire is not None:
            self._wire.leave()

    async def _again(self, wire: "_Wire", call: Asking, error: Exception) -> Any:
        """A script that Redis has forgotten is sent whole."""
        answer: Any = error
        if isinstance(call, Call | Packed) and str(error).startswith("NOSCRIPT"):
            [answer] = await wire.ask([call.whole if isinstance(call, Packed) else hot.pack(call.eval)])
        if isinstance(answer, hiredis.ReplyError):
            raise ResponseError(str(answer)) from None
        return answer

    async def _connected(self) -> "_Wire":
        async with self._connecting:
            if self._wire is None or self._wire.is_lost:
                try:
                    async with asyncio.timeout(PATIENCE_S):
                        self._wire = await self._greeted(await _connect(self._address))
                except TimeoutError:
                    raise Late("Redis does not answer") from None
                except OSError as error:
                    raise Disconnected(str(error)) from None
            return self._wire

    async def _greeted(self, wire: "_Wire") -> "_Wire":
        """A restarted or failed-over Redis breaks every connection: so the new one tells, before it is used, and
        learns our scripts. One it did not know would be run after the rest of its pipeline: an impression's charge
        after the action that needs it."""
        user, password = self._address.get("username"), self._address.get("password")
        hello: list[Command] = [("AUTH", user, password) if user else ("AUTH", password)] if password else []
        hello.append(("SELECT", self._address.get("db") or 0))
        hello += [("SCRIPT", "LOAD", script.text) for script in hot.scripts()]
        *answers, info = await wire.ask([*map(hot.pack, hello), hot.pack(("INFO", "server"))])
        wrong = next((one for one in (*answers, info) if isinstance(one, hiredis.ReplyError)), None)
        if wrong is not None:
            wire.leave()
            raise Disconnected(str(wrong))
        lines = info.decode().splitlines()
        self._met(next((line.split(":", 1)[1].strip() for line in lines if line.startswith("run_id:")), ""))
        return wire


def _raw(call: Asking) -> bytes:
    if isinstance(call, Packed):
        return call.raw
    return hot.pack(call.evalsha if isinstance(call, Call) else call)


async def _connect(address: dict[str, Any]) -> "_Wire":
    loop = asyncio.get_running_loop()
    if path := address.get("path"):
        return (await loop.create_unix_connection(_Wire, path))[1]
    context: ssl.SSLContext | None = None
    if "connection_class" in address:
        context = ssl.create_default_context(cafile=address.get("ssl_ca_certs"))
    host, port = address.get("host", "localhost"), address.get("port", 6379)
    return (await loop.create_connection(_Wire, host, port, ssl=context))[1]


class _Wire(asyncio.Protocol):
    """One connection. What is asked within one turn of the loop leaves in one write."""

    def __init__(self) -> None:
        self.is_lost = False
        self._loop = asyncio.get_running_loop()
        self._reader = hiredis.Reader()
        self._unsent: list[bytes] = []
        self._asked: deque[_Asked] = deque()
        self._heard_at = 0.0

    async def ask(self, commands: Sequence[bytes]) -> list[Any]:
        """An answer a command, errors among them. Raises Disconnected."""
        if self.is_lost:
            raise Disconnected("Redis went away")
        if not self._unsent:
            self._loop.call_soon(self._write)
        self._unsent += commands
        one = _Asked(len(commands), self._loop.create_future())
        self._asked.append(one)
        return await one.done

    def leave(self) -> None:
        self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)
        self._loop.call_later(PATIENCE_S, self._watch)

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        self._heard_at = self._loop.time()
        while (answer := self._reader.gets()) is not False:
            one = self._asked[0]
            one.answers.append(answer)
            if len(one.answers) == one.wanted:
                self._asked.popleft()
                if not one.done.done():
                    one.done.set_result(one.answers)

    def connection_lost(self, error: Exception | None) -> None:
        self.is_lost = True
        while self._asked:
            done = self._asked.popleft().done
            if not done.done():
                done.set_exception(Disconnected(f"Redis went away: {error or 'closed'}"))

    def _write(self) -> None:
        unsent, self._unsent = self._unsent, []
        if not self.is_lost:
            self._transport.write(b"".join(unsent))

    def _watch(self) -> None:
        if self.is_lost:
            return
        if self._asked and self._loop.time() - max(self._heard_at, self._asked[0].at) > PATIENCE_S:
            self._transport.abort()
        else:
            self._loop.call_later(PATIENCE_S / 5, self._watch)


class _Asked:
    __slots__ = ("answers", "at", "done", "wanted")

    def __init__(self, wanted: int, done: "asyncio.Future[list[Any]]") -> None:
        self.wanted, self.done = wanted, done
        self.answers: list[Any] = []
        self.at = asyncio.get_running_loop().time()
