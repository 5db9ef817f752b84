"""A Redis 6.2 of our own: `redis-server` as a child, reached through a socket in a private folder.

Appends to its file every second: a crash loses at most the last second, as the product allows (DESIGN.md 6.9).
"""

import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import redis

from promote.config import binaries, children
from promote.config.binaries import NoEngine
from promote.config.embedded_postgres import tail

START_PATIENCE_S = 600
_STOP = ((signal.SIGTERM, 30.0), (signal.SIGKILL, 5.0))


class Redis:
    """One server: a folder for its append-only file, a folder for its socket."""

    name = "redis"

    def __init__(
        self,
        *,
        folder: Path,
        sockets: Path,
        log: Path,
        databases: int = 16,
        port: int = 0,
        more: Mapping[str, str] | None = None,
    ) -> None:
        """`port` on loopback beside the socket, where it is to be reached by one; `more`: options of its own."""
        self.port, self.more = port, more or {}
        self.folder = folder
        self.sockets = sockets
        self.log = log
        self.databases = databases
        self.account = children.unprivileged_account(folder)
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def _pid_file(self) -> Path:
        return self.folder / "redis.pid"

    @property
    def socket(self) -> Path:
        return self.sockets / "redis.sock"

    def url(self, database: int = 0) -> str:
        return f"unix://{self.socket}?db={database}"

    def broker_url(self, database: int = 1) -> str:
        """The same server as Celery's transport spells it."""
        return f"redis+socket://{self.socket}?virtual_host={database}"

    def start(self, note: Callable[[str], None] = lambda _: None) -> None:
        """Start it and wait until it has loaded its data. Raises NoEngine."""
        children.private_folder(self.folder, self.account)
        children.private_folder(self.sockets, self.account)
        # Two servers appending to one file would spoil it.
        children.end_orphan(self._pid_file, program="redis-server", folder=self.folder, sent=signal.SIGTERM)
        try:
            self._start(note)
        except NoEngine as error:
            if "reading the append only file" not in str(error):
                raise
            # A torn disk. Redis holds nothing that PostgreSQL can't give back, so go on without it, and keep it.
            aside = self.folder / f"appendonly.aof.broken-{datetime.now(UTC):%Y%m%dT%H%M%S}"
            (self.folder / "appendonly.aof").rename(aside)
            note(f"Redis could not read its file; set aside as {aside}, counters are rebuilt")
            self._start(note)

    def stop(self) -> None:
        if self.process is not None:
            children.stop(self.process, escalation=_STOP)

    def poll(self) -> int | None:
        return self.process.poll() if self.process else 0

    def _start(self, note: Callable[[str], None]) -> None:
        options = {
            "port": str(self.port),
            "bind": "127.0.0.1",
            "unixsocket": str(self.socket),
            "unixsocketperm": "700",
            "dir": ".",
            "databases": str(self.databases),
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": "",
            "maxmemory-policy": "noeviction",
            "lazyfree-lazy-expire": "yes",
            **self.more,
        }
        settings = [part for name, value in options.items() for part in (f"--{name}", value)]
        with self.log.open("ab") as log:
            self.process = children.spawn(
                [binaries.redis_programs(self.account) / "redis-server", *settings],
                environment={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"},
                cwd=self.folder,
                account=self.account,
                output=log,
            )
        self._pid_file.write_text(str(self.process.pid))
        self._wait(note)

    def _wait(self, note: Callable[[str], None]) -> None:
        assert self.process is not None
        client = redis.Redis.from_url(self.url(), socket_timeout=10)
        began = said = time.monotonic()
        while True:
            try:
                if client.ping():
                    client.close()
                    return
            except (redis.exceptions.ConnectionError, redis.exceptions.BusyLoadingError) as error:
                reason = str(error)
            now = time.monotonic()
            if self.process.poll() is not None:
                raise NoEngine(f"Redis stopped while starting:\n{tail(self.log)}")
            if now - began > START_PATIENCE_S:
                self.stop()
                raise NoEngine(f"Redis does not answer after {START_PATIENCE_S} s ({reason}):\n{tail(self.log)}")
            if now - said > 10:
                said = now
                note(f"Redis is still loading ({reason})")
            time.sleep(0.02)
