"""Five addresses, no middleware (api.md, The edge)."""

import logging
import time
from typing import Any

from django.db import DatabaseError, InterfaceError
from redis.exceptions import RedisError

from delivery.edge import asked, deciding, telling, watching
from delivery.edge.explain import explain
from delivery.edge.http import OPEN_TO_PAGES, PREFLIGHT, Gone, Request, decode
from delivery.edge.hub import Hub
from delivery.edge.telling import EVENTS_MAX, Teller
from delivery.edge.watching import Watchers
from promote.problems import Broken, MethodNotAllowed, Unavailable
from promote.refusals import FieldError, Invalid, NotFound, Refusal

log = logging.getLogger("promote.edge")
LIVE = "/v1/live/"
METHODS = {"/v1/decide": "POST", "/v1/events": "POST", "/health/live": "GET", "/health/ready": "GET"}


class Edge:
    def __init__(self) -> None:
        self.hub = Hub()
        self.watchers = Watchers()

    async def start(self) -> None:
        await self.hub.start()

    def end_streams(self) -> None:
        """A live stream is an answer that has no end."""
        self.watchers.stop()

    async def stop(self) -> None:
        await self.hub.stop()

    async def answer(self, request: Request) -> None:
        try:
            if request.refusal is not None:
                raise request.refusal
            if request.path == "/v1/decide" and request.method == "POST":  # which nearly all of them are
                await self._decide(self.hub, request)
            else:
                await self._route(self.hub, request)
        except Gone:
            log.debug("edge: %s: whoever asked is gone", request.path)
        except Refusal as refusal:
            _refuse(request, refusal)
        except RedisError as error:
            log.warning("edge: %s: Redis: %s", request.path, error)
            _refuse(request, Unavailable())
        except (DatabaseError, InterfaceError) as error:
            log.warning("edge: %s: PostgreSQL: %s", request.path, type(error).__name__)
            _refuse(request, Unavailable())
        except Exception:
            log.exception("edge: %s %s", request.method, request.path)
            _refuse(request, Broken())

    async def _route(self, hub: Hub, request: Request) -> None:
        path = request.path
        method = "GET" if path.startswith(LIVE) else METHODS.get(path)
        if method is None:
            raise NotFound
        if request.method != method:
            if request.method == "OPTIONS" and (path == "/v1/events" or path.startswith(LIVE)):
                request.empty(status=204, headers=PREFLIGHT)
                return
            if request.method != "HEAD" or not path.startswith("/health/"):
                raise MethodNotAllowed(method=request.method)
        if path == "/v1/events":
            await self._tell(hub, request)
        elif path.startswith(LIVE):
            await watching.watch(hub, self.watchers, request, path.removeprefix(LIVE))
        elif path == "/health/live" or hub.is_ready:
            request.answer({"status": "ok"})
        else:
            request.answer({"status": "unavailable"}, status=503)

    async def _decide(self, hub: Hub, request: Request) -> None:
        explained = request.query("explain") not in ("", "0", "false")
        await hub.keys.demand(request.header(b"authorization"), "delivery", *(("ops",) if explained else ()))
        question = decode(asked.decoder, request.body(asked.BODY_MAX_BYTES))
        if not hub.is_ready:
            raise Unavailable
        try:
            decisions, page = await deciding.decide(hub, question, now=time.time())
        except UnicodeError:
            raise Invalid([FieldError("viewer.id", "invalid", "It is not text.")]) from None
        if request.is_forsaken and page is not None:
            await deciding.give_back(hub, page)
            return
        told: dict[str, Any] = {"decisions": decisions}
        if explained:
            told["explain"] = explain(page, order=request.query("order"))
        request.answer(told)

    async def _tell(self, hub: Hub, request: Request) -> None:
        teller = await self._teller(hub, request)
        told = decode(telling.decoder, request.body(telling.BODY_MAX_BYTES))
        if len(told.events) > EVENTS_MAX:
            raise Invalid([FieldError("events", "too_many", f"At most {EVENTS_MAX} events at once.")])
        results = await telling.tell(hub, told.events, teller, now=time.time())
        request.answer({"results": results}, status=202, headers=OPEN_TO_PAGES)

    async def _teller(self, hub: Hub, request: Request) -> Teller:
        """A platform's server by its key; without one, a device. Raises KeyUnknown, ScopeMissing."""
        authorization = request.header(b"authorization")
        if authorization.lower().startswith("api-key"):
            await hub.keys.demand(authorization, "delivery")
            return Teller(is_device=False)
        page = request.header(b"referer") or request.header(b"origin")
        return Teller(
            is_device=True,
            agent=request.header(b"user-agent"),
            address=_address(hub, request),
            referrer=page,
        )


def _refuse(request: Request, refusal: Refusal) -> None:
    open_to_pages = request.path == "/v1/events" or request.path.startswith(LIVE)
    request.refuse(refusal, headers=OPEN_TO_PAGES if open_to_pages else ())


def _address(hub: Hub, request: Request) -> str:
    """Whoever connected; behind a proxy of ours, whom the proxy saw last."""
    if hub.behind_proxy and (forwarded := request.header(b"x-forwarded-for")):
        return forwarded.rsplit(",", 1)[-1].strip()
    return request.address
