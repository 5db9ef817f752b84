"""The edge's own server: it listens, keeps its connections, and ends without breaking off an answer."""

import asyncio
import contextlib
import logging
import signal
from collections.abc import Callable

from django.conf import settings

from delivery.edge import bounds
from delivery.edge.app import Edge
from delivery.edge.bounds import Bounds
from delivery.edge.connection import Connection
from delivery.edge.http import Request

log = logging.getLogger("promote.edge")
BACKLOG = 1024
IDLE_MOST = 256
"""So many tasks stay for requests to come; what more a rush took ends with it."""
LOOKS_EVERY_S = 5.0
LOOKS_AT_ONCE = 200
"""Then decisions have their turn."""
ENDS_WITHIN_S = 8.0
"""An answer that is under way has so long, when the process is told to end."""


class CantListen(Exception):
    """The address is another's, or none of this machine. In the system's words."""


class Server:
    def __init__(self, edge: Edge, of_process: Bounds) -> None:
        self.is_ending = False
        self.bounds = of_process
        self._edge = edge
        self._loop = asyncio.get_running_loop()
        self._connections: set[Connection] = set()
        self._leaving: set[Connection] = set()
        """Those that are turned away."""
        self._turned_away = self._held_bytes = 0
        self._all_left = asyncio.Event()
        self._idle: list[asyncio.Future[Request]] = []
        """Of tasks that wait for a request."""

    def joined(self, connection: Connection) -> None:
        if len(self._connections) < self.bounds.connections:
            self._connections.add(connection)
            return
        self._turned_away += 1
        if len(self._leaving) < bounds.TURNED_AWAY_MOST:
            self._leaving.add(connection)
            connection.turn_away()
        else:
            connection.abort()

    def holds(self, more: int) -> bool:
        self._held_bytes += more
        return self._held_bytes <= self.bounds.held_bytes

    def left(self, connection: Connection) -> None:
        self._connections.discard(connection)
        self._leaving.discard(connection)
        if self.is_ending and not self._connections:
            self._all_left.set()

    def asked(self, request: Request) -> None:
        if self._idle:
            self._idle.pop().set_result(request)
        else:
            self._loop.create_task(self._answer(request))

    async def _answer(self, request: Request | None) -> None:
        """One request after the other: a task of its own for each costs a thirtieth of a decision."""
        while request is not None:
            await self._edge.answer(request)
            request = None
            if len(self._idle) < IDLE_MOST:
                self._idle.append(waiting := self._loop.create_future())
                request = await waiting

    async def look_after(self) -> None:
        """Ends connections that are too slow: the sooner, the fewer places are left."""
        while True:
            await asyncio.sleep(LOOKS_EVERY_S)
            await self.look()

    async def look(self) -> None:
        is_crowded = len(self._connections) >= self.bounds.crowded
        patience = self.bounds.hurry if is_crowded else self.bounds.patience
        connections = list(self._connections)
        for start in range(0, len(connections), LOOKS_AT_ONCE):
            now = self._loop.time()
            for connection in connections[start : start + LOOKS_AT_ONCE]:
                connection.look(now, patience)
            await asyncio.sleep(0)
        if self._turned_away:
            log.warning("edge: %s callers came when all %s connections were taken", self._turned_away, len(connections))
            self._turned_away = 0

    async def end(self) -> None:
        self.is_ending = True
        self._edge.end_streams()
        for connection in list(self._connections):
            connection.end()
        if self._connections:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._all_left.wait(), ENDS_WITHIN_S)


async def serve(*, host: str, port: int, is_shared: bool, began: Callable[[], None]) -> None:
    """Until the process is told to end (SIGTERM, SIGINT). `is_shared`: other processes listen on this port too, and the
    kernel deals the connections out; `began` is called when it listens. Raises CantListen."""
    loop, told = asyncio.get_running_loop(), asyncio.Event()
    for sent in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sent, told.set)
    edge = Edge()
    server = Server(edge, bounds.of_process(settings.EDGE_CONNECTIONS))
    try:
        listening = await loop.create_server(
            lambda: Connection(server), host, port, backlog=BACKLOG, reuse_port=is_shared or None
        )
    except OSError as error:
        raise CantListen(error.strerror or str(error)) from None
    began()
    await edge.start()
    looking = asyncio.create_task(server.look_after())
    await told.wait()
    listening.close()
    looking.cancel()
    await server.end()
    with contextlib.suppress(asyncio.CancelledError):
        await looking
    await edge.stop()
