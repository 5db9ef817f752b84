"""Engines of a bench's own with nothing else at them, and applications on a core of their own. Gone afterwards.

The machine's first core is left to what is measured; engines, client and this process take the others.
"""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psutil

from bench import redis_cluster, system
from bench.running import Say
from bench.system import HOUSE

Hot = Literal["socket", "loopback", "cluster"]
"""Where the hot data lies: in a Redis on a socket, in one that is reached as over a network, on three nodes of a
cluster, which are reached so too."""
CORES = sorted(os.sched_getaffinity(0))
MEASURED, OTHERS = CORES[:1], CORES[1:] or CORES


@contextlib.contextmanager
def house(say: Say, *, cores: list[int] = OTHERS, hot: Hot = "socket") -> Iterator[Path]:
    """The data folder. Inside the block this process is Promote's, with these engines behind it."""
    from promote.config import development
    from promote.config.engines import Engines, Needs

    folder = Path(tempfile.mkdtemp(prefix="promote-bench-", dir="/tmp"))
    os.sched_setaffinity(0, cores)
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        (folder / "engines").mkdir()
        folder.chmod(0o711)
        engines = Engines(data=folder, needs=Needs(postgres=True, redis=True))
        say(f"starting engines of our own in {folder}")
        stack.callback(engines.stop)
        engines.start(lambda note: say(f"  {note}"))
        by_port: dict[str, str] = {}
        if hot != "socket":
            started = redis_cluster.started if hot == "cluster" else redis_cluster.one
            say("starting a Redis Cluster of three nodes" if hot == "cluster" else "starting a Redis with a port")
            by_port["CACHE_URL"] = engines.environment()["REDIS_URL"]
            by_port["REDIS_URL"] = stack.enter_context(started(folder / "hot", engines.sockets))
        os.environ |= {
            **engines.environment(),
            **by_port,
            **development.secrets_of(folder),
            "PROMOTE_ENV": "development",
            "PROMOTE_DATA": str(folder),
            "DJANGO_SETTINGS_MODULE": "promote.config.settings",
        }
        say("making the schema")
        subprocess.run([sys.executable, "manage.py", "migrate", "-v", "0"], cwd=HOUSE, check=True)
        import django

        django.setup()
        yield folder


@dataclass(frozen=True, slots=True)
class Served:
    url: str
    pid: int
    ready_s: float
    """From its start until it answered that it is ready."""

    @property
    def memory_bytes(self) -> int:
        """Of the worker that answers."""
        return max(one.memory_info().rss for one in self._processes())

    @property
    def cpu_s(self) -> float:
        """What it has had of a core since it began."""
        return sum(sum(one.cpu_times()[:2]) for one in self._processes())

    def _processes(self) -> list[psutil.Process]:
        supervisor = psutil.Process(self.pid)
        return [supervisor, *supervisor.children(recursive=True)]


def edge(*, cores: list[int] = MEASURED, processes: int = 1) -> AbstractContextManager[Served]:
    """The edge, with all of its live orders."""
    from promote.config import processes as house_processes

    port = system.free_port()
    return _served(house_processes.edge(port, workers=processes).arguments, port, "/health/ready", cores)


def granian(target: str, interface: str) -> AbstractContextManager[Served]:
    """A Granian with this application: what speed is measured against."""
    from promote.config import processes as house_processes

    port = system.free_port()
    return _served(house_processes.granian(target, interface, port, "--loop", "uvloop"), port, "/", MEASURED)


@contextlib.contextmanager
def _served(command: Sequence[str], port: int, path: str, cores: list[int]) -> Iterator[Served]:
    """Ready to answer `path`. It ends with this process, however that ends."""
    from promote.config import children
    from promote.config import processes as house_processes

    began = time.monotonic()
    process = children.spawn(
        ["taskset", "-c", ",".join(map(str, cores)), *command],
        environment=os.environ, cwd=HOUSE, output=sys.stderr.fileno(),
    )  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    try:
        system.wait(process, url + path, every_s=0.02)
        yield Served(url, process.pid, time.monotonic() - began)
    finally:
        children.stop(process, escalation=house_processes.QUICK)
