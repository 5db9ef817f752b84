"""A whole system of a bench's own: fresh data, free ports, no demo; gone afterwards."""

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from bench.running import Say
from sandbox.demo.commands import Commands
from sandbox.demo.platform import Platform
from sandbox.http import Client

HOUSE = Path(__file__).resolve().parent.parent
START_WITHIN_S = 240
STOP_WITHIN_S = 60
SCOPES = ("catalogue", "tokens", "delivery", "wallet", "ops")


class NotStarted(Exception):
    """The system did not come up; its log's last lines say why."""


@dataclass(frozen=True, slots=True)
class System:
    url: str
    edge: str
    folder: Path
    process: subprocess.Popen[bytes]
    key: str

    @property
    def commands(self) -> Commands:
        """Anew for each event loop."""
        return Commands(self.folder)

    @property
    def authorization(self) -> str:
        return f"Api-Key {self.key}"

    def platform(self) -> Platform:
        return Platform(Client(self.url), self.key)


@contextlib.contextmanager
def private(say: Say, **environment: str) -> Iterator[System]:
    """`script/server --no-demo` with its own folder and ports, until the block is left. Raises NotStarted."""
    folder = Path(tempfile.mkdtemp(prefix="promote-bench-"))
    web, edge = free_port(), free_port()
    log = folder / "server.out"
    say(f"starting a system of our own in {folder}")
    with log.open("wb") as out:
        process = subprocess.Popen(
            [HOUSE / "script" / "server", "--no-demo", "--port", str(web), "--edge-port", str(edge), "--data", folder],
            cwd=HOUSE, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, start_new_session=True,
            env={**os.environ, **environment},
        )  # fmt: skip
    try:
        wait(process, f"http://127.0.0.1:{web}/health/ready", log)
        key = asyncio.run(_key(folder))
        yield System(f"http://127.0.0.1:{web}", f"http://127.0.0.1:{edge}", folder, process, key)
    finally:
        stop(process)
        shutil.rmtree(folder, ignore_errors=True)


async def _key(folder: Path) -> str:
    scopes = [part for scope in SCOPES for part in ("--scope", scope)]
    async with Commands(folder) as commands:
        return str((await commands.run("create_platform_key", "bench", *scopes))["key"])


def stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
    try:
        process.wait(timeout=STOP_WITHIN_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@contextlib.contextmanager
def hello(say: Say) -> Iterator[str]:
    """A bare Granian with nothing behind it, as the edge is started; its address."""
    port = free_port()
    command = [sys.executable, "-m", "granian", "--interface", "asgi", "--workers", "1", "--loop", "uvloop",
               "--host", "127.0.0.1", "--port", str(port), "--no-access-log", "bench.yardsticks.hello:app"]  # fmt: skip
    say("starting a bare Granian beside it")
    process = subprocess.Popen(command, cwd=HOUSE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait(process, f"http://127.0.0.1:{port}/")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=STOP_WITHIN_S)


def free_port() -> int:
    with socket.socket() as tried:
        tried.bind(("127.0.0.1", 0))
        return int(tried.getsockname()[1])


def wait(process: subprocess.Popen[bytes], url: str, log: Path | None = None, *, every_s: float = 0.2) -> None:
    """Until it answers 200. Raises NotStarted."""
    deadline = time.monotonic() + START_WITHIN_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        with contextlib.suppress(URLError, OSError), urlopen(url, timeout=5) as answer:  # noqa: S310  (our own address)
            if answer.status == 200:
                return
        time.sleep(every_s)
    words = log.read_text(errors="replace").splitlines()[-15:] if log else []
    raise NotStarted("\n".join(["The system did not become ready.", *words]))
