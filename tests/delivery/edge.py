"""A real edge in its own process, and a platform that calls it."""

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx

from promote.config import processes
from promote.keys import platform_keys
from tests.harness.run import EDGES, Run

ADULT = {"id": "viewer-1", "country": "US", "age_band": "25-34", "gender": "female", "interests": ["music"]}
PHONE = "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/129.0 Mobile Safari/537.36"
SEEN = {"visible_ms": 1200, "visible_share": 0.9}


class Platform:
    """A platform's server with its key."""

    def __init__(self, url: str, key: str = "") -> None:
        self.url = url
        self.http = httpx.Client(base_url=url, timeout=10, headers={"Authorization": f"Api-Key {key}"} if key else {})

    def decide(
        self,
        slots: int | list[dict[str, int]] = 1,
        *,
        viewer: Any = None,
        surface: str = "feed",
        explain: bool = False,
        **more: Any,
    ):
        asked = [{}] * slots if isinstance(slots, int) else slots
        body = {"viewer": viewer or ADULT, "surface": surface, "slots": asked, **more}
        return self.http.post("/v1/decide", json=body, params={"explain": 1} if explain else {})

    def decisions(self, *args: Any, **kwargs: Any) -> list[dict[str, Any]]:
        answer = self.decide(*args, **kwargs)
        assert answer.status_code == 200, answer.text
        return answer.json()["decisions"]

    def tell(self, *events: Any):
        return self.http.post("/v1/events", json={"events": list(events)})

    def results(self, *events: Any) -> list[str]:
        """`accepted`, `duplicate`, or the reason of a refusal."""
        answer = self.tell(*events)
        assert answer.status_code == 202, answer.text
        return [one.get("reason", one["status"]) for one in answer.json()["results"]]


def impression(token: str, **facts: Any) -> dict[str, Any]:
    return {"token": token, "type": "impression", "at": now_text(), **SEEN, **facts}


def action(token: str, kind: str, **facts: Any) -> dict[str, Any]:
    return {"token": token, "type": kind, "at": now_text(), **facts}


def now_text() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


def a_key(*scopes: str) -> str:
    return platform_keys.create(name="test", scopes=scopes or ("delivery",), now=datetime.now(UTC))[1]


@contextlib.contextmanager
def an_edge(run: Run, database: str, *, workers: int = EDGES) -> Iterator[str]:
    """The edge over this database, as it is served: its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = processes.edge(port, workers=workers).arguments
    process = subprocess.Popen(command, env={**os.environ, **run.environment(database)}, start_new_session=True)
    url = f"http://127.0.0.1:{port}"
    try:
        await_ready(url, process)
        if workers > 1:  # the kernel deals connections out: by now each process has met some of so many
            until(
                lambda: all(httpx.get(f"{url}/health/ready").status_code == 200 for _ in range(12 * workers)),
                seconds=30,
            )
        yield url
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def await_ready(url: str, process: subprocess.Popen[bytes], *, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"{url}/health/ready").status_code == 200:
                return
        assert process.poll() is None, "the edge ended"
        time.sleep(0.1)
    raise AssertionError("the edge is not ready")


def until(what, *, seconds: float = 5.0, every: float = 0.05) -> Any:
    """What `what` returns once that is true."""
    end = time.monotonic() + seconds
    while True:
        if found := what():
            return found
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(every)
