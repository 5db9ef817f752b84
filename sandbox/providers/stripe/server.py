"""Where a request goes, and what time alone brings about."""

from __future__ import annotations

from sandbox.providers.plumbing import server
from sandbox.providers.plumbing.server import Request, Response, Server

from . import api, control, debits, idempotency, pages, sessions
from .world import World


def serve(world: World, here: Server) -> None:
    """Serve until the process is asked to stop."""

    def route(request: Request) -> Response:
        if request.path.startswith("/v1/"):
            return server.troubled(world.answers, lambda: api.answer(world, request))
        if request.path.startswith("/_ctl/"):
            return control.answer(world, request)
        if request.path == "/health":
            return Response(200, {"status": "ok"})
        return pages.answer(world, request)

    def tick() -> None:
        sessions.expire_due(world)
        debits.settle_due(world)

    idempotency.forget_unfinished(world)
    server.serve(here, route, outbox=world.outbox, store=world.store, tick=tick)
