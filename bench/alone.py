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
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench import system
from bench.running import Say
from bench.system import HOUSE

CORES = sorted(os.sched_getaffinity(0))
MEASURED, OTHERS = CORES[:1], CORES[1:] or CORES


@contextlib.contextmanager
def house(say: Say, *, cores: list[int] = OTHERS) -> Iterator[Path]:
    """The data folder. Inside the block this process is Promote's, with these engines behind it."""
    from promote.config import development
    from promote.config.engines import Engines, Needs

    folder = Path(tempfile.mkdtemp(prefix="promote-bench-", dir="/tmp"))
    (folder / "engines").mkdir()
    folder.chmod(0o711)
    os.sched_setaffinity(0, cores)
    engines = Engines(data=folder, needs=Needs(postgres=True, redis=True))
    say(f"starting engines of our own in {folder}")
    engines.start(lambda note: say(f"  {note}"))
    try:
        os.environ |= {
            **engines.environment(),
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
    finally:
        engines.stop()
        shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True, slots=True)
class Served:
    url: str
    process: subprocess.Popen[bytes]
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
        supervisor = psutil.Process(self.process.pid)
        return [supervisor, *supervisor.children(recursive=True)]


@contextlib.contextmanager
def served(
    target: str, *, path: str = "/", cores: list[int] = MEASURED, like_the_edge: bool = True
) -> Iterator[Served]:
    """One Granian worker with this application, ready to answer `path`."""
    from promote.config import processes

    port = system.free_port()
    command = [*processes.edge(port).arguments[:-1], target]
    if not like_the_edge:
        command[command.index("--interface") + 1] = "asgi"
    began = time.monotonic()
    process = subprocess.Popen(
        ["taskset", "-c", ",".join(map(str, cores)), *command], cwd=HOUSE, start_new_session=True
    )
    url = f"http://127.0.0.1:{port}"
    try:
        system.wait(process, url + path, every_s=0.02)
        yield Served(url, process, time.monotonic() - began)
    finally:
        system.stop(process)
