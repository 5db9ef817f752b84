"""The ASGI application: five addresses, no middleware (api.md, The edge)."""

import asyncio
import logging
import signal
import threading
import time
from types import FrameType
from typing import Any

from redis.exceptions import RedisError

from delivery.edge import deciding, telling, watching
from delivery.edge.explain import explain
from delivery.edge.http import (
    OPEN_TO_PAGES,
    PREFLIGHT,
    Disconnected,
    Receive,
    Request,
    Scope,
    Send,
    answer,
    decode,
    empty,
    refuse,
)
from delivery.edge.hub import Hub
from delivery.edge.telling import EVENTS_MAX, Teller
from delivery.edge.watching import Watchers
from promote.refusals import FieldError, Invalid, NotFound, Refusal
from promote.rest.problems import Broken, MethodNotAllowed, Unavailable

log = logging.getLogger("promote.edge")
LIVE = "/v1/live/"
METHODS = {"/v1/decide": "POST", "/v1/events": "POST", "/health/live": "GET", "/health/ready": "GET"}


class Edge:
    def __init__(self) -> None:
        self.hub: Hub | None = None
        self.watchers = Watchers()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            await self._handle(Request(scope, receive, send))

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await self._started()
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                self.watchers.stop()
                if self.hub is not None:
                    await self.hub.stop()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _started(self) -> Hub:
        if self.hub is None:
            self.hub = Hub()
            await self.hub.start()
            self._hear_the_end()
        return self.hub

    def _hear_the_end(self) -> None:
        """A server that is told to stop waits for its open answers, and a live stream is one that has no end."""
        if threading.current_thread() is not threading.main_thread():
            return
        loop, servers_own = asyncio.get_running_loop(), signal.getsignal(signal.SIGTERM)

        def stopping(number: int, frame: FrameType | None) -> None:
            loop.call_soon_threadsafe(self.watchers.stop)
            if callable(servers_own):
                servers_own(number, frame)

        signal.signal(signal.SIGTERM, stopping)

    async def _handle(self, request: Request) -> None:
        open_to_pages = OPEN_TO_PAGES if request.path == "/v1/events" or request.path.startswith(LIVE) else ()
        try:
            await self._route(await self._started(), request)
        except Disconnected:
            return
        except Refusal as refusal:
            await refuse(request, refusal, headers=open_to_pages)
        except RedisError as error:
            log.warning("edge: %s: Redis: %s", request.path, error)
            await refuse(request, Unavailable(), headers=open_to_pages)
        except Exception:
            log.exception("edge: %s %s", request.method, request.path)
            await refuse(request, Broken(), headers=open_to_pages)

    async def _route(self, hub: Hub, request: Request) -> None:
        path = request.path
        method = "GET" if path.startswith(LIVE) else METHODS.get(path)
        if method is None:
            raise NotFound
        if request.method == "OPTIONS" and (path == "/v1/events" or path.startswith(LIVE)):
            await empty(request, status=204, headers=PREFLIGHT)
            return
        if request.method != method and not (request.method == "HEAD" and path.startswith("/health/")):
            raise MethodNotAllowed(method=request.method)
        if path == "/v1/decide":
            await self._decide(hub, request)
        elif path == "/v1/events":
            await self._tell(hub, request)
        elif path.startswith(LIVE):
            await watching.watch(hub, self.watchers, request, path.removeprefix(LIVE))
        elif path == "/health/live" or hub.is_ready:
            await answer(request, {"status": "ok"})
        else:
            await answer(request, {"status": "unavailable"}, status=503)

    async def _decide(self, hub: Hub, request: Request) -> None:
        explained = request.query("explain") not in ("", "0", "false")
        await hub.keys.demand(request.header(b"authorization"), "delivery", *(("ops",) if explained else ()))
        asked = decode(deciding.decoder, await request.body(deciding.BODY_MAX_BYTES))
        if not hub.is_ready:
            raise Unavailable
        try:
            decisions, page = await deciding.decide(hub, asked, now=time.time())
        except UnicodeError:
            raise Invalid([FieldError("viewer.id", "invalid", "It is not text.")]) from None
        told: dict[str, Any] = {"decisions": decisions}
        if explained:
            told["explain"] = explain(page)
        await answer(request, told)

    async def _tell(self, hub: Hub, request: Request) -> None:
        teller = await self._teller(hub, request)
        told = decode(telling.decoder, await request.body(telling.BODY_MAX_BYTES))
        if len(told.events) > EVENTS_MAX:
            raise Invalid([FieldError("events", "too_many", f"At most {EVENTS_MAX} events at once.")])
        results = await telling.tell(hub, told.events, teller, now=time.time())
        await answer(request, {"results": results}, status=202, headers=OPEN_TO_PAGES)

    async def _teller(self, hub: Hub, request: Request) -> Teller:
        """A platform's server by its key; without one, a device. Raises KeyUnknown, ScopeMissing."""
        authorization = request.header(b"authorization")
        if authorization.lower().startswith("api-key"):
            await hub.keys.demand(authorization, "delivery")
            return Teller(is_device=False)
        return Teller(is_device=True, agent=request.header(b"user-agent"), address=_address(hub, request))


def _address(hub: Hub, request: Request) -> str:
    """Whoever connected; behind a proxy of ours, whom the proxy saw last."""
    if hub.behind_proxy and (forwarded := request.header(b"x-forwarded-for")):
        return forwarded.rsplit(",", 1)[-1].strip()
    client = request.scope.get("client")
    return str(client[0]) if client else ""
