"""One connection to Redis, always in use: what is asked within one turn of the loop leaves together.

Answers come in the order in which was asked. Nothing that was sent is sent again.
"""

import asyncio
import ssl
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import hiredis
from redis.exceptions import ConnectionError as Disconnected
from redis.exceptions import TimeoutError as Late

from delivery import hot

AT_ONCE = 8
"""So many commands do not wait for the end of the turn: else Redis would rest meanwhile, and then the edge."""
PATIENCE_S = 5.0
"""A Redis that says nothing for so long is left."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a Redis is, and how it is entered; `path` is that of a socket."""

    host: str = "localhost"
    port: int = 6379
    path: str = ""
    db: int = 0
    username: str = ""
    password: str = ""
    is_encrypted: bool = False
    authority: str = ""
    """The file of certificates by which it is known."""


_Asked = tuple[int, list[Any], "asyncio.Future[list[Any]]"]
"""How many answers are wanted, those that came, and whom to tell."""


class Wire(asyncio.Protocol):
    def __init__(self) -> None:
        self.is_lost = False
        self.run_id = ""
        """Redis' own name for this run of itself."""
        self._loop = asyncio.get_running_loop()
        self._reader = hiredis.Reader()
        self._asked: deque[_Asked] = deque()
        self._unsent: list[bytes] = []
        self._waiting_since = 0.0
        """When Redis was heard last, or asked with nothing left to answer."""

    def ask(self, commands: Sequence[bytes]) -> "asyncio.Future[list[Any]]":
        """An answer a command, errors among them. Raises Disconnected."""
        if self.is_lost:
            raise Disconnected("Redis went away")
        # A write costs as much as a third of a decision, for it wakes Redis: one serves many of this turn.
        if not self._unsent:
            self._loop.call_soon(self._send)
        self._unsent += commands
        if len(self._unsent) >= AT_ONCE:
            self._send()
        if not self._asked:
            self._waiting_since = self._loop.time()
        done = self._loop.create_future()
        self._asked.append((len(commands), [], done))
        return done

    def leave(self) -> None:
        self._send()
        self._transport.close()

    def _send(self) -> None:
        unsent, self._unsent = self._unsent, []
        if unsent and not self.is_lost:
            self._transport.write(b"".join(unsent))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)
        self._loop.call_later(PATIENCE_S, self._watch)

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        self._waiting_since = self._loop.time()
        gets, asked = self._reader.gets, self._asked
        while (answer := gets()) is not False:
            wanted, answers, done = asked[0]
            answers.append(answer)
            if len(answers) == wanted:
                asked.popleft()
                if not done.done():
                    done.set_result(answers)

    def connection_lost(self, error: Exception | None) -> None:
        self.is_lost = True
        while self._asked:
            _, _, done = self._asked.popleft()
            if not done.done():
                done.set_exception(Disconnected(f"Redis went away: {error or 'closed'}"))

    def _watch(self) -> None:
        if self.is_lost:
            return
        if self._asked and self._loop.time() - self._waiting_since > PATIENCE_S:
            self._transport.abort()
        else:
            self._loop.call_later(PATIENCE_S / 5, self._watch)


async def connected(address: Address) -> Wire:
    """A new connection, which has told its run id and knows our scripts. Raises Late, Disconnected."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            return await _greeted(await _connect(address), address)
    except TimeoutError:
        raise Late("Redis does not answer") from None
    except OSError as error:
        raise Disconnected(str(error)) from None


async def _connect(address: Address) -> Wire:
    loop = asyncio.get_running_loop()
    if address.path:
        return (await loop.create_unix_connection(Wire, address.path))[1]
    context: ssl.SSLContext | None = None
    if address.is_encrypted:
        context = ssl.create_default_context(cafile=address.authority or None)
    return (await loop.create_connection(Wire, address.host, address.port, ssl=context))[1]


async def _greeted(wire: Wire, address: Address) -> Wire:
    """A restarted or failed-over Redis breaks every connection: so the new one tells, before it is used, and learns
    our scripts. One it did not know would be run after the rest of its pipeline: an impression's charge after the
    action that needs it."""
    hello: list[tuple[Any, ...]] = []
    if address.password:
        hello.append(("AUTH", *filter(None, [address.username]), address.password))
    hello.append(("SELECT", address.db))
    hello += [("SCRIPT", "LOAD", script.text) for script in hot.scripts()]
    *answers, info = await wire.ask([*map(hot.pack, hello), hot.pack(("INFO", "server"))])
    wrong = next((one for one in (*answers, info) if isinstance(one, hiredis.ReplyError)), None)
    if wrong is not None:
        wire.leave()
        raise Disconnected(str(wrong))
    lines = info.decode().splitlines()
    wire.run_id = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("run_id:")), "")
    return wire
