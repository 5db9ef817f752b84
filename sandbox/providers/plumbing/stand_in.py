"""A provider's stand-in: its API, its payers' pages, its notices and its controls behind one address.

A provider's package makes a class of it and starts it by `main`. Its keys are those that Promote's own settings have,
under the same names in the environment.
"""

from __future__ import annotations

import argparse
import hmac
import json
import logging
import secrets
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.providers.plumbing import control, pages, server
from sandbox.providers.plumbing.outbox import Message, Outbox, Target
from sandbox.providers.plumbing.server import Answers, Request, Response
from sandbox.providers.plumbing.store import Store

CONTROL_KEY = "sandbox"


@dataclass(frozen=True)
class Opening:
    """What a stand-in is made with."""

    store: Store
    base_url: str
    target: Target


class Refused(Exception):
    """The API's answer to what it does not take."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        super().__init__(str(body))
        self.status, self.body = status, body


class StandIn(ABC):
    """`store` holds payments as objects of the kind `payment`; a change and its notice are one transaction."""

    api_paths: tuple[str, ...]
    """What the paths of the API begin with; any other is a page."""

    def __init__(self, opening: Opening) -> None:
        self.store, self.base_url = opening.store, opening.base_url
        self.outbox = Outbox(opening.store, opening.target, self.compose)
        self.answers = Answers()

    # of the provider

    @abstractmethod
    def api(self, request: Request) -> Response:
        """Raises Refused."""

    @abstractmethod
    def page(self, request: Request) -> Response: ...

    @abstractmethod
    def compose(self, target: Target, event: dict[str, Any]) -> Message: ...

    @abstractmethod
    def act(self, request: Request, asked: dict[str, Any]) -> dict[str, Any] | None:
        """A control of the provider's own; None where there is none of this path. Raises control.Told."""

    def tick(self) -> None:  # noqa: B027  (for most there is nothing)
        """What time alone brings about."""

    # of all

    def route(self, request: Request) -> Response:
        if request.path.startswith("/_ctl/"):
            return self._control(request)
        if request.path == "/health":
            return Response(200, {"status": "ok"})
        if request.path == "/assets/page.css":
            return pages.style("page.css")
        if request.path.startswith(self.api_paths):
            return server.troubled(self.answers, lambda: self._api(request))
        return self.page(request)

    def emit(self, type_: str, payload: dict[str, Any]) -> None:
        """Queues a notice. Inside the caller's transaction."""
        id_ = f"evt-{secrets.token_hex(12)}"
        event = {"id": id_, "type": type_, "created": int(time.time()), "payload": payload}
        self.store.insert("event", event)
        self.outbox.queue(event)

    def payment(self, id_: str) -> dict[str, Any] | None:
        return self.store.get("payment", id_)

    def _api(self, request: Request) -> Response:
        try:
            response = self.api(request)
        except Refused as refused:
            response = Response(refused.status, refused.body)
        kept = {name: value for name, value in request.headers.items() if name != "authorization"}
        self.store.record(
            method=request.method,
            path=request.path,
            headers=kept,
            body={"raw": request.body.decode("utf-8", "replace")},
            status=response.status,
        )
        return response

    def _control(self, request: Request) -> Response:
        given = request.headers.get("authorization", "").encode()
        if not hmac.compare_digest(given, f"Bearer {CONTROL_KEY}".encode()):
            return Response(401, {"message": "The controls have a key of their own."})
        try:
            asked = control.body_of(request)
            done = control.act(self, request, asked)
            if done is None:
                done = self.act(request, asked)
        except control.Told as told:
            return Response(400, {"message": str(told)})
        return Response(200, done) if done is not None else Response(404, {"message": "No such control."})


def json_of(request: Request, refused: Refused) -> dict[str, Any]:
    """The body as a JSON object. Raises `refused` for anything else."""
    try:
        body = json.loads(request.body)
    except ValueError:
        raise refused from None
    if not isinstance(body, dict):
        raise refused
    return body


def main(prog: str, made: type[StandIn]) -> int:
    parser = argparse.ArgumentParser(prog=f"python -m {prog}", description=made.__doc__)
    parser.add_argument("--port", type=int, default=0, help="on 127.0.0.1; 0 takes a free one and prints it")
    parser.add_argument("--data", required=True, help="folder of its state, made where it is missing")
    parser.add_argument("--webhook-url", default="", help="where notices go; none are sent without it")
    parser.add_argument("--log-level", default="warning", choices=["debug", "info", "warning", "error"])
    asked = parser.parse_args()
    name = prog.rpartition(".")[2]
    logging.basicConfig(level=asked.log_level.upper(), format=f"%(asctime)s {name}  %(message)s", datefmt="%H:%M:%S")
    here = server.opened(asked.port)
    address = f"http://127.0.0.1:{here.server_port}"
    store = Store(Path(asked.data) / f"{name}.sqlite3")
    provider = made(Opening(store, address, Target(url=asked.webhook_url)))
    print(json.dumps({"listening": address}), flush=True)
    server.serve(here, provider.route, outbox=provider.outbox, store=store, tick=provider.tick)
    return 0
