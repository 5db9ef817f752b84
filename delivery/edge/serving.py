"""The edge's own server: it listens, keeps its connections, and ends without breaking off an answer."""

import asyncio
import contextlib
import signal

from delivery.edge.app import Edge
from delivery.edge.connection import Connection
from delivery.edge.http import Request

BACKLOG = 1024
LOOKS_EVERY_S = 5.0
ENDS_WITHIN_S = 8.0
"""An answer that is under way has so long, when the process is told to end."""


class Server:
    def __init__(self, edge: Edge) -> None:
        self.is_ending = False
        self._edge = edge
        self._loop = asyncio.get_running_loop()
        self._connections: set[Connection] = set()
        self._all_left = asyncio.Event()

    def joined(self, connection: Connection) -> None:
        self._connections.add(connection)

    def left(self, connection: Connection) -> None:
        self._connections.discard(connection)
        if self.is_ending and not self._connections:
            self._all_left.set()

    def asked(self, request: Request) -> asyncio.Task[None]:
        return self._loop.create_task(self._edge.answer(request))

    async def look_after(self) -> None:
        """Ends connections that are too slow."""
        while True:
            await asyncio.sleep(LOOKS_EVERY_S)
            now = self._loop.time()
            for connection in list(self._connections):
                connection.look(now)

    async def end(self) -> None:
        self.is_ending = True
        self._edge.end_streams()
        for connection in list(self._connections):
            connection.end()
        if self._connections:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._all_left.wait(), ENDS_WITHIN_S)


async def serve(*, host: str, port: int, is_shared: bool) -> None:
    """Until the process is told to end (SIGTERM, SIGINT). `is_shared`: other processes listen on this port too, and the
    kernel deals the connections out. Raises OSError where the port is another's."""
    loop, told = asyncio.get_running_loop(), asyncio.Event()
    for sent in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sent, told.set)
    edge = Edge()
    server = Server(edge)
    listening = await loop.create_server(
        lambda: Connection(server), host, port, backlog=BACKLOG, reuse_port=is_shared or None
    )
    await edge.start()
    looking = asyncio.create_task(server.look_after())
    await told.wait()
    listening.close()
    looking.cancel()
    await server.end()
    with contextlib.suppress(asyncio.CancelledError):
        await looking
    await edge.stop()
