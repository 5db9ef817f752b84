"""The edge's way to Redis: what concurrent requests ask for goes in one pipeline, and nothing waits alone."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import redis.asyncio
from redis.asyncio.connection import Connection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError

from delivery import hot
from delivery.hot import Call

Command = tuple[Any, ...]


class Lane:
    """`met` hears Redis' name for its own run on every new connection, before anything is sent on it."""

    def __init__(self, url: str, *, met: Callable[[str], None]) -> None:
        self._met = met
        # Not tried again by the client: a charge that was sent twice would be told to be a duplicate.
        self._client = redis.asyncio.Redis.from_url(
            url, retry=Retry(NoBackoff(), 0), redis_connect_func=self._greet, socket_timeout=5
        )
        self._waiting: list[tuple[Call | Command, asyncio.Future[Any]]] = []
        self._sender: asyncio.Task[None] | None = None

    async def run(self, *calls: Call | Command) -> Sequence[Any]:
        """The answers of scripts and plain commands. Raises RedisError where one was not answered."""
        if not calls:
            return []
        loop = asyncio.get_running_loop()
        futures = [loop.create_future() for _ in calls]
        self._waiting.extend(zip(calls, futures, strict=True))
        if self._sender is None or self._sender.done():
            self._sender = asyncio.create_task(self._send())
        answers = await asyncio.gather(*futures, return_exceptions=True)
        for one in answers:
            if isinstance(one, BaseException):
                raise one
        return answers

    async def close(self) -> None:
        await self._client.aclose()

    async def _send(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            try:
                answers = await self._execute([what for what, _future in batch])
            except (TimeoutError, RedisError, OSError) as error:
                answers = [RedisError(str(error))] * len(batch)
            for (_what, future), one in zip(batch, answers, strict=True):
                if future.done():
                    continue
                if isinstance(one, Exception):
                    future.set_exception(one)
                else:
                    future.set_result(one)

    async def _execute(self, batch: Sequence[Call | Command]) -> list[Any]:
        pipe = self._client.pipeline(transaction=False)
        for what in batch:
            command = what.evalsha if isinstance(what, Call) else what
            pipe.execute_command(*command)
        answers: list[Any] = await pipe.execute(raise_on_error=False)
        for place, (what, one) in enumerate(zip(batch, answers, strict=True)):
            if isinstance(one, NoScriptError) and isinstance(what, Call):
                answers[place] = await self._client.execute_command(*what.eval)  # type: ignore[no-untyped-call]
        return answers

    async def _greet(self, connection: Connection) -> None:
        """A restarted or failed-over Redis breaks every connection: so the new one tells, before it is used, and
        learns our scripts. One it did not know would be run after the rest of its pipeline: an impression's charge
        after the action that needs it."""
        await connection.on_connect()
        for script in hot.scripts():
            await connection.send_command("SCRIPT", "LOAD", script.text)
            await connection.read_response()
        await connection.send_command("INFO", "server")
        raw = await connection.read_response()
        lines = (raw if isinstance(raw, str) else bytes(raw).decode()).splitlines()
        self._met(next((line.split(":", 1)[1].strip() for line in lines if line.startswith("run_id:")), ""))
