"""The edge's way to Redis: what concurrent requests ask for goes out together, and nothing waits alone.

One connection to each Redis, always in use: a second one would add nothing but doubt about the order of answers.
"""

import asyncio
import logging
from typing import Any, Protocol

import hiredis
from redis.asyncio.connection import parse_url
from redis.exceptions import ResponseError

from delivery import hot
from delivery.edge.wire import Address, Wire, connected
from delivery.hot import Call, Packed

log = logging.getLogger("promote.edge")
Command = tuple[Any, ...]
Asking = Call | Packed | Command
"""A plain command has its key behind its name, where it has one."""


class Way(Protocol):
    def run_id(self, key: str) -> str:
        """The name that the Redis of this key gave its run on the last connection, "" before the first."""

    async def run(self, *calls: Asking) -> list[Any]:
        """The answers of scripts and plain commands. Raises RedisError where one was not answered.

        What was sent and not answered is not sent again: a charge would be told to be a duplicate.
        """

    async def close(self) -> None: ...


class Lane(Way):
    """To one Redis."""

    def __init__(self, url: str) -> None:
        self._address = address_of(url)
        self._wire: Wire | None = None
        self._run_id = ""
        self._connecting = asyncio.Lock()

    def run_id(self, key: str) -> str:
        return self._run_id

    async def run(self, *calls: Asking) -> list[Any]:
        if not calls:
            return []
        wire = self._wire
        if wire is None or wire.is_lost:
            wire = await self._connected()
        answers = await wire.ask([raw(call) for call in calls])
        for place, one in enumerate(answers):
            if isinstance(one, hiredis.ReplyError):
                answers[place] = await again(wire, calls[place], one)
        return answers

    async def close(self) -> None:
        if self._wire is not None:
            self._wire.leave()

    async def _connected(self) -> Wire:
        async with self._connecting:
            if self._wire is None or self._wire.is_lost:
                self._wire = await met(self._address)
                self._run_id = self._wire.run_id
            return self._wire


async def met(address: Address) -> Wire:
    """Raises RedisError."""
    wire = await connected(address)
    log.info("edge: met Redis, run %s", wire.run_id[:8])
    return wire


async def again(wire: Wire, call: Asking, error: Exception) -> Any:
    """A script that Redis has forgotten is sent whole. Raises ResponseError for what else it refuses."""
    answer: Any = error
    if isinstance(call, Call | Packed) and str(error).startswith("NOSCRIPT"):
        [answer] = await wire.ask([hot.pack(call.eval)])
    if isinstance(answer, hiredis.ReplyError):
        raise ResponseError(str(answer)) from None
    return answer


def raw(call: Asking) -> bytes:
    """As Redis reads it."""
    if isinstance(call, Packed):  # which nearly all of them are
        return call.raw
    return hot.pack(call.evalsha if isinstance(call, Call) else call)


def address_of(url: str) -> Address:
    parts: dict[str, Any] = {**parse_url(url)}
    return Address(
        host=parts.get("host") or "localhost",
        port=parts.get("port") or 6379,
        path=parts.get("path") or "",
        db=parts.get("db") or 0,
        username=parts.get("username") or "",
        password=parts.get("password") or "",
        is_encrypted=url.startswith("rediss:"),
        authority=parts.get("ssl_ca_certs") or "",
    )
