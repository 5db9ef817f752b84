"""The PostgreSQL and Redis of one data folder, as the process that owns them holds them."""

import contextlib
import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from promote.config.embedded_postgres import ADMIN, APP, OWNER, Postgres
from promote.config.embedded_redis import Redis

Note = Callable[[str], None]
LOG_LIMIT_BYTES = 20_000_000


@dataclass(frozen=True, slots=True)
class Needs:
    """Which engines the environment leaves to us."""

    postgres: bool
    redis: bool

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> "Needs":
        return cls(
            postgres=not environment.get("DATABASE_URL"),
            redis=not (environment.get("REDIS_URL") and environment.get("CELERY_BROKER_URL")),
        )


class Engines:
    """Those that are needed, started and stopped together."""

    def __init__(self, *, data: Path, needs: Needs) -> None:
        home, logs = data / "engines", data / "log"
        logs.mkdir(parents=True, exist_ok=True)
        self.sockets = _socket_folder(home / "sockets")
        self.postgres: Postgres | None = None
        self.redis: Redis | None = None
        if needs.postgres:
            self.postgres = Postgres(
                folder=data / "postgres",
                sockets=self.sockets / "p",
                log=capped(logs / "postgres.log"),
                passwords=_passwords(home / "secrets.json"),
            )
        if needs.redis:
            self.redis = Redis(folder=data / "redis", sockets=self.sockets / "r", log=capped(logs / "redis.log"))

    @property
    def all(self) -> list[Postgres | Redis]:
        return [engine for engine in (self.postgres, self.redis) if engine is not None]

    def environment(self) -> dict[str, str]:
        """Their addresses, as settings read them."""
        found: dict[str, str] = {}
        if self.postgres:
            found |= {"DATABASE_URL": self.postgres.url(APP), "DATABASE_OWNER_URL": self.postgres.url(OWNER)}
        if self.redis:
            found |= {"REDIS_URL": self.redis.url(), "CELERY_BROKER_URL": self.redis.broker_url()}
        return found

    def start(self, note: Note) -> None:
        """Start them all and wait until they answer. Raises NoEngine, leaving nothing running."""
        try:
            for engine in self.all:
                engine.start(note)
        except BaseException:
            self.stop()
            raise

    def look_after(self, note: Note) -> None:
        """Start again what died, at the same address: PostgreSQL recovers, Redis reads its file. Raises NoEngine."""
        for engine in self.all:
            if engine.poll() is not None:
                note(f"{engine.name} has ended unasked; starting it again")
                engine.start(note)
                note(f"{engine.name} answers again")

    def stop(self) -> None:
        for engine in reversed(self.all):
            engine.stop()
        shutil.rmtree(self.sockets, ignore_errors=True)


def write_private(file: Path, text: str) -> None:
    """Write a file only we can read, all of it or nothing."""
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}-")
    with os.fdopen(handle, "w") as fresh:
        fresh.write(text)
    Path(name).replace(file)


def capped(log: Path) -> Path:
    """The log itself; what it held goes to `.1` once it has grown large."""
    if log.exists() and log.stat().st_size > LOG_LIMIT_BYTES:
        log.replace(log.with_name(f"{log.name}.1"))
    return log


def _passwords(file: Path) -> dict[str, str]:
    if not file.exists():
        write_private(file, json.dumps({role: secrets.token_hex(24) for role in (ADMIN, OWNER, APP)}))
    found: dict[str, str] = json.loads(file.read_text())
    return found


def _socket_folder(link: Path) -> Path:
    """A fresh folder with a short path (a socket's has 107 bytes at most), remembered by a link in the data folder.

    The one of an owner that was killed is removed.
    """
    if link.is_symlink():
        old = link.readlink()
        if old.name.startswith("promote-") and old.is_dir() and old.stat().st_uid == os.geteuid():
            shutil.rmtree(old, ignore_errors=True)
        link.unlink()
    parent = Path(tempfile.gettempdir())
    folder = Path(tempfile.mkdtemp(prefix="promote-", dir=parent if len(str(parent)) < 60 else "/tmp"))
    folder.chmod(0o711)  # the engines' own account passes through; what is inside is closed
    with contextlib.suppress(OSError):  # a file system without links: nothing but the reminder is lost
        link.symlink_to(folder)
    return folder
