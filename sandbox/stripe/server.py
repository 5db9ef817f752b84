"""The HTTP side: one process on the loopback, a thread a connection, and the clock that closes old sessions."""

from __future__ import annotations

import json
import logging
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from . import api, control, idempotency, pages, sessions
from .world import World

log = logging.getLogger("sandbox.stripe")

MAX_BODY = 1024 * 1024
_TICK_S = 1.0


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "StripeStandIn"
    sys_version = ""
    timeout = 60
    world: World

    def do_GET(self) -> None:
        self._answer("GET")

    def do_POST(self) -> None:
        self._answer("POST")

    def do_DELETE(self) -> None:
        self._answer("DELETE")

    def _answer(self, method: str) -> None:
        body = self._body()
        if body is None:
            return
        url = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = api.Request(method=method, path=url.path, headers=headers, query=url.query, body=body)
        try:
            response = self._route(request)
        except Exception:
            log.exception("%s %s", method, url.path)
            error = {"type": "api_error", "message": "The stand-in failed; see its log."}
            response = api.Response(500, {"error": error})
        log.info("%s %s: %s", method, url.path, response.status)
        self._send(response)

    def _route(self, request: api.Request) -> api.Response:
        if request.path.startswith("/v1/"):
            return api.answer(self.world, request)
        if request.path.startswith("/_ctl/"):
            return control.answer(self.world, request)
        if request.path == "/health":
            return api.Response(200, {"status": "ok"})
        return pages.answer(self.world, request)

    def _body(self) -> bytes | None:
        try:
            length = int(self.headers.get("Content-Length") or 0)
        except ValueError:
            length = -1
        if not 0 <= length <= MAX_BODY or "Transfer-Encoding" in self.headers:
            self.close_connection = True
            self._send(api.Response(413, {"error": {"type": "invalid_request_error", "message": "Bad body length."}}))
            return None
        return self.rfile.read(length)

    def _send(self, response: api.Response) -> None:
        plain = isinstance(response.body, bytes)
        payload = response.body if plain else json.dumps(response.body, indent=2).encode()
        self.send_response(response.status)
        headers: dict[str, Any] = {"Content-Type": "application/json", "Cache-Control": "no-store"} | response.headers
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def log_message(self, *_: Any) -> None:
        """Requests are logged above: method, path and status, never a body (it may hold a card number)."""


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def server_bind(self) -> None:
        # The parent looks its own name up, which can take seconds without a resolver.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = "localhost", self.server_address[1]


def serve(world: World, server: Server, stop: threading.Event) -> None:
    """Serve until `stop` is set."""
    server.RequestHandlerClass = type("BoundHandler", (Handler,), {"world": world})
    idempotency.forget_unfinished(world)
    world.outbox.start()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, name="http", daemon=True)
    thread.start()
    while not stop.wait(_TICK_S):
        sessions.expire_due(world)
    server.shutdown()
    world.outbox.stop()
    world.store.close()
