"""The HTTP side of a stand-in: one process on the loopback, a thread a connection, and a clock of one second."""

from __future__ import annotations

import contextlib
import json
import logging
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Empty, SimpleQueue
from typing import Any
from urllib.parse import urlsplit

from sandbox.providers.plumbing.outbox import Outbox
from sandbox.providers.plumbing.store import Store

log = logging.getLogger("sandbox")

MAX_BODY = 1024 * 1024
_TICK_S = 1.0


@dataclass
class Request:
    method: str
    path: str
    headers: dict[str, str]  # names in lower case
    query: str
    body: bytes


@dataclass
class Response:
    status: int
    body: Any
    headers: dict[str, str] = field(default_factory=dict)


Route = Callable[[Request], Response]


@dataclass
class Answers:
    """How the API answers when a test wants trouble of it."""

    slow_s: float = 0.0
    down: bool = False
    garbage: bool = False
    lost: bool = False


def troubled(answers: Answers, answer: Callable[[], Response]) -> Response:
    """The API's answer, or what stands for it. When down, nothing is done either; lost, it is done and not told."""
    if answers.slow_s:
        time.sleep(answers.slow_s)
    if answers.down:
        return Response(503, {"message": "The service is unavailable."})
    right = answer()
    if answers.lost:
        return Response(502, {"message": "Bad gateway."})
    return Response(200, b"<html>\x00 It works!", {"Content-Type": "text/html"}) if answers.garbage else right


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "StandIn"
    sys_version = ""
    timeout = 60
    # An answer goes out whole: in two writes the second would wait 40 ms for the caller's delayed acknowledgement.
    wbufsize = 64 * 1024
    disable_nagle_algorithm = True
    route: Route

    def do_GET(self) -> None:
        self._answer("GET")

    def do_POST(self) -> None:
        self._answer("POST")

    def do_PUT(self) -> None:
        self._answer("PUT")

    def do_DELETE(self) -> None:
        self._answer("DELETE")

    def _answer(self, method: str) -> None:
        body = self._body()
        if body is None:
            return
        url = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(method=method, path=url.path, headers=headers, query=url.query, body=body)
        try:
            response = type(self).route(request)
        except Exception:
            log.exception("%s %s", method, url.path)
            error = {"type": "api_error", "message": "The stand-in failed; see its log."}
            response = Response(500, {"error": error})
        log.info("%s %s: %s", method, url.path, response.status)
        self._send(response)

    def _body(self) -> bytes | None:
        try:
            length = int(self.headers.get("Content-Length") or 0)
        except ValueError:
            length = -1
        if not 0 <= length <= MAX_BODY or "Transfer-Encoding" in self.headers:
            self.close_connection = True
            self._send(Response(413, {"error": {"type": "invalid_request_error", "message": "Bad body length."}}))
            return None
        return self.rfile.read(length)

    def _send(self, response: Response) -> None:
        plain = isinstance(response.body, bytes)
        payload = response.body if plain else json.dumps(response.body, indent=2).encode()
        self.send_response(response.status)
        headers: dict[str, Any] = {"Content-Type": "application/json", "Cache-Control": "no-store"} | response.headers
        for name, value in headers.items():
            self.send_header(name, value)
        if response.status != 204:
            self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        if response.status != 204:
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


def opened(port: int) -> Server:
    """A server on the loopback that answers nothing yet; 0 takes a free port. Ends the process where it is taken."""
    try:
        return Server(("127.0.0.1", port), Handler)
    except OSError as error:
        sys.exit(f"Port {port} on 127.0.0.1 can't be used: {error.strerror}.")


def serve(server: Server, route: Route, *, outbox: Outbox, store: Store, tick: Callable[[], None]) -> None:
    """Serve until the process is asked to stop; `tick` is what time alone brings about."""
    asked_to_stop: SimpleQueue[int] = SimpleQueue()  # unlike an event, whole however many signals come at once
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda number, _: asked_to_stop.put(number))
    server.RequestHandlerClass = type("BoundHandler", (Handler,), {"route": staticmethod(route)})
    outbox.start()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, name="http", daemon=True)
    thread.start()
    while not _came(asked_to_stop):
        tick()
    server.shutdown()
    outbox.stop()
    store.close()


def _came(signals: SimpleQueue[int]) -> bool:
    with contextlib.suppress(Empty):
        signals.get(timeout=_TICK_S)
        return True
    return False
