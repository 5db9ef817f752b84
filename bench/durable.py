"""A durable PostgreSQL of a bench's own (fsync and all), with our schema; and pgbench on it, beside."""

import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from bench.running import Say

HOUSE = Path(__file__).resolve().parent.parent
SCALE, CLIENTS = 50, 16
_OURS = ("DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL", "CELERY_BROKER_URL", "PROMOTE_DATA")


@contextlib.contextmanager
def engines(say: Say) -> Iterator[None]:
    """Our engines on a fresh folder, migrated, this process set up to use them; gone when the block is left."""
    from promote.config import environment

    for name in _OURS:
        os.environ.pop(name, None)
    folder = Path(tempfile.mkdtemp(prefix="promote-bench-"))
    folder.chmod(0o711)
    os.environ["PROMOTE_DATA"] = str(folder)
    try:
        with environment.completed(owner="script/bench", note=say):
            say("migrating")
            subprocess.run(
                [sys.executable, "manage.py", "migrate", "--verbosity", "0"],
                cwd=HOUSE, check=True, stdout=subprocess.DEVNULL,
            )  # fmt: skip
            import django

            django.setup()
            yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Pgbench:
    """TPC-B as pgbench has it, on the same server with the same settings, in a schema of its own."""

    def __init__(self, say: Say) -> None:
        from promote.config.binaries import postgres_programs

        self.say = say
        self.program = postgres_programs(None) / "pgbench"
        url = urlsplit(os.environ["DATABASE_OWNER_URL"])
        self.environment = {
            **os.environ,
            "PGHOST": parse_qs(url.query)["host"][0],
            "PGUSER": unquote(url.username or ""),
            "PGPASSWORD": unquote(url.password or ""),
            "PGDATABASE": url.path.lstrip("/"),
            "PGOPTIONS": "-c search_path=pgbench",
        }
        self.runs: list[float] = []

    def prepare(self) -> None:
        from django.db import connections

        self.say(f"pgbench -i -s {SCALE}")
        with connections["owner"].cursor() as cursor:
            cursor.execute("CREATE SCHEMA pgbench")
        connections.close_all()
        self._run("-i", "-q", "-s", str(SCALE))

    def run(self, seconds: float) -> float:
        """Transactions a second, of 16 clients."""
        self.say(f"pgbench, {CLIENTS} clients, {seconds:g} s")
        told = self._run("-n", "-c", str(CLIENTS), "-j", "2", "-T", f"{seconds:.0f}")
        found = re.search(r"tps = ([\d.]+)", told)
        if found is None:
            raise RuntimeError(f"pgbench said nothing of its speed:\n{told}")
        self.runs.append(float(found[1]))
        return self.runs[-1]

    def _run(self, *arguments: str) -> str:
        done = subprocess.run(
            [self.program, *arguments], env=self.environment, check=True, capture_output=True, text=True
        )
        return done.stdout
