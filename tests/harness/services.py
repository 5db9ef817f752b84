"""Promote's own processes, real, for tests that need them: each on the test's database, Redis and queues."""

import base64
import contextlib
import os
import secrets
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from celery import Celery

from promote.config import children, processes
from promote.config.processes import Process
from tests.harness import static
from tests.harness.run import EDGES, ROOT, Run

__all__ = [
    "Service",
    "World",
    "celery_worker_process",
    "live_edge",
    "live_web",
    "provider_sandboxes",
    "static_files",
    "stripe_sandbox",
    "world",
]

WITHIN_S = 60.0


class DidNotStart(AssertionError):
    """With the last lines of what the process said."""


@dataclass
class World:
    """The addresses of one test's system, and what its processes read."""

    data: Path
    web: str
    edge: str
    providers: dict[str, str]
    environment: dict[str, str]
    logs: list[Path] = field(default_factory=list)


class Service:
    """A process under test: it can be killed and started again in the middle."""

    def __init__(self, process: Process, world: World, *, answers: Callable[[], bool]) -> None:
        self.process, self.world, self._answers = process, world, answers
        self.log = world.data / f"{process.name}.log"
        self._child: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.launch()
        self.wait()

    def launch(self) -> None:
        with self.log.open("ab") as log:
            self._child = children.spawn(
                self.process.arguments,
                environment=self.world.environment,
                cwd=ROOT,
                output=log,
                death_signal=signal.SIGKILL,
            )

    def wait(self) -> None:
        """Until it answers. Raises DidNotStart."""
        assert self._child is not None
        until = time.monotonic() + WITHIN_S
        while time.monotonic() < until:
            if self._child.poll() is not None:
                break
            if self._answers():
                return
            time.sleep(0.1)
        self.stop()
        raise DidNotStart(f"{self.process.name} does not answer:\n{self.log.read_text()[-3000:]}")

    @property
    def pid(self) -> int:
        assert self._child is not None
        return self._child.pid

    def kill(self) -> None:
        """As a crash would: the process and all its children, at once."""
        assert self._child is not None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._child.pid, signal.SIGKILL)
        self._child.wait()
        children.end_group(self._child.pid)
        self._child = None

    def stop(self) -> None:
        if self._child is not None:
            children.stop(self._child, escalation=self.process.escalation)
            self._child = None


@pytest.fixture
def world(run: Run, committed_db: str) -> World:
    """Addresses for this test's processes: free ports, a folder, keys."""
    return make_world(run, run.environment(committed_db))


def make_world(run: Run, engines: dict[str, str]) -> World:
    web, edge, *ports = (f"http://127.0.0.1:{port}" for port in _free_ports(2 + len(processes.PROVIDERS)))
    providers = dict(zip(processes.PROVIDERS, ports, strict=True))
    data = run.data / f"world-{secrets.token_hex(4)}"
    data.mkdir()
    static.collect(run)
    (data / "static").symlink_to(run.folder / "static")
    environment = {
        **{name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ},
        **engines,
        "PROMOTE_DATA": str(data),
        "PUBLIC_URL": web,
        "EDGE_URL": edge,
        **{f"{prefix}_API_BASE": providers[name] for name, (prefix, _) in processes.PROVIDERS.items()},
        "STRIPE_SECRET_KEY": "sk_test_of_this_test",
        "STRIPE_WEBHOOK_SECRETS": f"whsec_{base64.b64encode(secrets.token_bytes(24)).decode()}",
        "PYTHONUNBUFFERED": "1",
    }
    return World(data, web, edge, providers, environment)


@pytest.fixture
def live_web(world: World) -> Iterator[Service]:
    """The web process. `.world.web` is its address."""
    web = Service(processes.web(port_of(world.web)), world, answers=answering(f"{world.web}/health/live"))
    with running(web):
        yield web


@pytest.fixture
def live_edge(world: World) -> Iterator[Service]:
    """The edge process. `.world.edge` is its address."""
    edge = Service(
        processes.edge(port_of(world.edge), workers=EDGES), world, answers=answering(f"{world.edge}/health/live")
    )
    with running(edge):
        yield edge


@pytest.fixture
def celery_worker_process(world: World) -> Iterator[Service]:
    """A worker and, beside it, the clock that beat is. `.kill()` and `.start()` are the worker's."""
    worker = Service(processes.worker(2), world, answers=pinging(world))
    beat = Service(processes.beat(world.data), world, answers=lambda: True)
    with running(worker), running(beat):
        yield worker


@pytest.fixture
def stripe_sandbox(world: World) -> Iterator[Service]:
    """Our Stripe, sending its notices to this test's web process. `.world.providers["stripe"]` is its address."""
    stripe = Service(
        processes.stripe(
            port=port_of(world.providers["stripe"]),
            data=world.data,
            webhook_url=f"{world.web}/webhooks/stripe",
            secrets=[world.environment["STRIPE_WEBHOOK_SECRETS"]],
            secret_key=world.environment["STRIPE_SECRET_KEY"],
        ),
        world,
        answers=answering(world.providers["stripe"]),
    )
    with running(stripe):
        yield stripe


@pytest.fixture
def provider_sandboxes(world: World, stripe_sandbox: Service) -> Iterator[dict[str, Service]]:
    """Every payment provider's stand-in, by name, as the demo has them."""
    with contextlib.ExitStack() as stack:
        services = {"stripe": stripe_sandbox}
        for name, address in world.providers.items():
            if name == "stripe":
                continue
            process = processes.provider(
                name, port=port_of(address), data=world.data, webhook_url=f"{world.web}/webhooks/{name}"
            )
            services[name] = Service(process, world, answers=answering(f"{address}/health"))
            stack.enter_context(running(services[name]))
        yield services


@pytest.fixture(scope="session")
def static_files(run: Run) -> None:
    """For tests that render pages in this process."""
    static.collect(run)


@contextlib.contextmanager
def running(service: Service) -> Iterator[None]:
    service.start()
    try:
        yield
    finally:
        service.stop()


@contextlib.contextmanager
def running_all(*services: Service) -> Iterator[None]:
    """They start at the same time."""
    try:
        for service in services:
            service.launch()
        for service in services:
            service.wait()
        yield
    finally:
        for service in reversed(services):
            service.stop()


def answering(url: str) -> Callable[[], bool]:
    def answers() -> bool:
        try:
            with urllib.request.urlopen(url, timeout=2):
                return True
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False

    return answers


def pinging(world: World) -> Callable[[], bool]:
    def answers() -> bool:
        with Celery(broker=world.environment["CELERY_BROKER_URL"], set_as_current=False) as app:
            return bool(app.control.ping(timeout=1.0, limit=1))

    return answers


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2])


def free_port() -> int:
    return _free_ports(1)[0]


def _free_ports(count: int) -> list[int]:
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()
