"""One run of the tests: its private PostgreSQL and Redis, started by the process that was called and shared by its
xdist workers, each with its own databases. Everything lies in one folder under the system's temporary one.

Imported before Django is: it is what sets the addresses that settings read.
"""

import atexit
import contextlib
import json
import os
import secrets
import shutil
import tempfile
from pathlib import Path

import psutil

from promote.config import development
from promote.config.embedded_postgres import ADMIN, APP, OWNER, Postgres
from promote.config.embedded_redis import Redis

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDER_VARIABLE = "PROMOTE_TEST_RUN"
CLUSTER_VARIABLE = "PROMOTE_TEST_CLUSTER"
"""Set, the hot data lies on a Redis Cluster of three nodes, which no two workers can share: `script/test -n0 …`."""
EDGES = int(os.environ.get("PROMOTE_TEST_EDGES", "1"))
"""So many processes share an edge's port."""
# What a crash of the machine would lose is of no interest here; what a crash of an engine would lose is not touched.
QUICK = {"fsync": "off", "full_page_writes": "off", "autovacuum": "off", "max_connections": "300"}
# Two for each worker: hot data, and Celery's broker.
REDIS_DATABASES = 64


def make_postgres(folder: Path, passwords: dict[str, str], options: dict[str, str] | None = None) -> Postgres:
    return Postgres(
        folder=folder / "postgres",
        sockets=folder / "p",
        log=folder / "postgres.log",
        passwords=passwords,
        options=options or QUICK,
    )


def make_redis(folder: Path) -> Redis:
    return Redis(folder=folder / "redis", sockets=folder / "r", log=folder / "redis.log", databases=REDIS_DATABASES)


class Run:
    def __init__(self) -> None:
        self.worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
        self.is_controller = self.worker == "main"
        number = 0 if self.is_controller else int(self.worker.removeprefix("gw")) + 1
        self.redis_numbers = (2 * number, 2 * number + 1)
        if self.is_controller:
            self.folder = self._new_folder()
            os.environ[FOLDER_VARIABLE] = str(self.folder)
        else:
            self.folder = Path(os.environ[FOLDER_VARIABLE])
        self.passwords: dict[str, str] = json.loads((self.folder / "secrets.json").read_text())
        self.postgres = make_postgres(self.folder, self.passwords)
        self.redis = make_redis(self.folder)
        self.data = self.folder / "data" / self.worker
        self.data.mkdir(parents=True, exist_ok=True)
        self.database = f"promote_{self.worker}"
        self.cluster_url = ""
        self._cluster = contextlib.ExitStack()

    def environment(self, database: str | None = None) -> dict[str, str]:
        """What a process of this worker reads: its database under the application's role, its Redis, its keys."""
        name = database or self.database
        hot, broker = self.redis_numbers
        return {
            "PROMOTE_ENV": "development",
            "PROMOTE_DATA": str(self.data),
            "DJANGO_SETTINGS_MODULE": "promote.config.settings",
            "DATABASE_URL": self.postgres.url(APP, name),
            "DATABASE_OWNER_URL": self.postgres.url(OWNER, name),
            "REDIS_URL": self.redis.url(hot),
            "CELERY_BROKER_URL": self.redis.broker_url(broker),
            **({"REDIS_URL": self.cluster_url, "CACHE_URL": self.redis.url(hot)} if self.cluster_url else {}),
            **development.secrets_of(self.folder / "data"),
            **development.unreachable_providers({}),
        }

    def start_cluster(self) -> None:
        from bench import redis_cluster

        folder = self.folder / "cluster"
        self.cluster_url = self._cluster.enter_context(redis_cluster.started(folder, folder))

    def start(self) -> None:
        """The engines, for the controller to start; a worker finds them running."""
        if self.is_controller:
            self.postgres.start()
            self.redis.start()

    def stop(self) -> None:
        if self.is_controller and self.folder.exists():
            self._cluster.close()
            self.redis.stop()
            self.postgres.stop()
            shutil.rmtree(self.folder, ignore_errors=True)

    @staticmethod
    def _new_folder() -> Path:
        # Not the temporary folder where that is a long path: a socket's has 107 bytes at most.
        short = tempfile.gettempdir() if len(tempfile.gettempdir()) < 50 else "/tmp"
        _clear_killed_runs(Path(short))
        folder = Path(tempfile.mkdtemp(prefix="promote-test-", dir=short))
        folder.chmod(0o711)
        (folder / "pid").write_text(str(os.getpid()))
        passwords = {role: secrets.token_hex(16) for role in (ADMIN, OWNER, APP)}
        (folder / "secrets.json").touch(mode=0o600)
        (folder / "secrets.json").write_text(json.dumps(passwords))
        return folder


def _clear_killed_runs(parent: Path) -> None:
    """Remove the folders of runs that were killed; their engines went with them."""
    for note in parent.glob("promote-test-*/pid"):
        try:
            if note.stat().st_uid == os.geteuid() and not psutil.pid_exists(int(note.read_text())):
                shutil.rmtree(note.parent, ignore_errors=True)
        except (OSError, ValueError):
            continue  # another run is clearing it, or is just making it


def begin() -> Run:
    """Set this process's addresses, whatever the caller's own environment says: tests have engines of their own."""
    run = Run()
    if os.environ.get(CLUSTER_VARIABLE):
        run.start_cluster()
    for name in ("STRIPE_API_BASE", "PUBLIC_URL", "EDGE_URL", "PROMOTE_DEBUG", "LOG_LEVEL"):
        os.environ.pop(name, None)
    os.environ.update(run.environment())
    atexit.register(run.stop)
    return run
