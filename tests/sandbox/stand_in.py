"""The Stripe stand-in as a process of its own, and an endpoint that writes down the notices it gets."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import requests
import stripe

from promote.config import processes

SECRET_KEY = "sk_test_of_this_test"
WEBHOOK_SECRET = "whsec_of_this_test"
PAYS, DECLINED, ASKS = "4242 4242 4242 4242", "4000 0000 0000 0002", "4000 0027 6000 3184"


@dataclass
class StandIn:
    """A running stand-in: its address, the SDK's client for it, its controls, and a payer's browser."""

    url: str
    process: subprocess.Popen[str]
    data: Path

    @property
    def client(self) -> stripe.StripeClient:
        return stripe.StripeClient(SECRET_KEY, base_addresses={"api": self.url}, max_network_retries=0)

    def control(self, path: str, **body: Any) -> dict[str, Any]:
        return self._control("POST", path, json=body)

    def look(self, path: str) -> list[dict[str, Any]]:
        return self._control("GET", path)["data"]

    def _control(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {SECRET_KEY}"}
        answer = requests.request(method, f"{self.url}/_ctl/{path}", headers=headers, timeout=10, **more)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def pay(self, session_url: str | None, number: str = PAYS) -> requests.Response:
        """Fill in the hosted page and press its button; the way back is not followed."""
        form = {"number": number, "expiry": "12 / 40", "cvc": "123", "email": "ayu@example.com", "name": "Ayu"}
        return requests.post(session_url or "", data=form, timeout=10, allow_redirects=False)

    def answers(self, page: str, choice: str, *, field: str = "answer") -> requests.Response:
        """Presses a button of a page; the way back is not followed."""
        return requests.post(page, data={field: choice}, timeout=10, allow_redirects=False)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=10)


@contextmanager
def stand_in(data: Path, *, webhook_url: str = "", secret: str = WEBHOOK_SECRET) -> Iterator[StandIn]:
    command = [
        sys.executable,
        "-m",
        "sandbox.providers.stripe",
        "--port",
        "0",
        "--data",
        str(data),
        "--secret-key",
        SECRET_KEY,
    ]
    command += ["--webhook-secret", secret, "--webhook-url", webhook_url]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])
    try:
        assert process.stdout is not None
        url = json.loads(process.stdout.readline())["listening"]
        running = StandIn(url=url, process=process, data=data)
        running.control("webhook", first_retry_s=0.2)
        yield running
    finally:
        process.terminate()
        process.wait(timeout=10)


@dataclass
class Endpoint:
    """A merchant's webhook endpoint. `answers` are given first, then 200s."""

    url: str = ""
    received: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.received]

    @property
    def types(self) -> list[str]:
        return [event["type"] for event in self.events]


@contextmanager
def endpoint() -> Iterator[Endpoint]:
    here = Endpoint()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            here.received.append((dict(self.headers.items()), body))
            self.send_response(here.answers.pop(0) if here.answers else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    here.url = f"http://127.0.0.1:{server.server_port}/hook"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield here
    finally:
        server.shutdown()
        server.server_close()


def until(condition: Callable[[], Any], *, seconds: float = 10) -> Any:
    """Wait for something that another process does; its value, or a failure that says what was awaited."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(0.02)
    raise AssertionError(f"Not within {seconds} s.")


def sent_all(running: StandIn | Provider) -> None:
    """Waits until no notice is under way, so that none of this test comes in the next one's mailbox."""
    until(lambda: all(row["state"] not in ("waiting", "sending") for row in running.look("deliveries")))


@dataclass
class Provider:
    """A running stand-in of any provider but Stripe: its address, its controls, and a payer's browser."""

    name: str
    url: str
    process: subprocess.Popen[str]

    def control(self, path: str, **body: Any) -> dict[str, Any]:
        return self._control("POST", path, json=body)

    def look(self, path: str) -> list[dict[str, Any]]:
        return self._control("GET", path)["data"]

    def _control(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        headers = {"Authorization": "Bearer sandbox"}
        answer = requests.request(method, f"{self.url}/_ctl/{path}", headers=headers, timeout=10, **more)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def answers(self, page: str, choice: str) -> requests.Response:
        """Presses a button of a page; the way back is not followed."""
        return requests.post(page, data={"answer": choice}, timeout=10, allow_redirects=False)


@contextmanager
def provider(name: str, data: Path, *, webhook_url: str = "") -> Iterator[Provider]:
    """A stand-in of its own process, with the keys that Promote has under test."""
    module = processes.PROVIDERS[name][1]
    command = [sys.executable, "-m", f"sandbox.providers.{module}", "--data", str(data), "--webhook-url", webhook_url]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])
    try:
        assert process.stdout is not None
        running = Provider(name, json.loads(process.stdout.readline())["listening"], process)
        running.control("webhook", first_retry_s=0.2)
        yield running
    finally:
        process.terminate()
        process.wait(timeout=10)
