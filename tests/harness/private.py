"""Engines of one test alone, for tests that kill them: durable as in production, where the run's own are quick."""

import contextlib
import os
import secrets
import shutil
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import call_command
from pytest_django import DjangoDbBlocker

from promote.config.embedded_postgres import APP, DATABASE, OWNER, Postgres
from promote.config.embedded_redis import Redis
from tests.harness import databases
from tests.harness.run import Run, make_postgres, make_redis
from tests.harness.services import World, make_world

__all__ = ["PrivateEngines", "private_engines", "private_world"]


class PrivateEngines:
    """`engines.kill(engines.redis)`, `engines.redis.start()`: the same data, at the same address."""

    def __init__(self, postgres: Postgres, redis: Redis) -> None:
        self.postgres, self.redis = postgres, redis

    def environment(self) -> dict[str, str]:
        return {
            "DATABASE_URL": self.postgres.url(APP),
            "DATABASE_OWNER_URL": self.postgres.url(OWNER),
            "REDIS_URL": self.redis.url(),
            "CELERY_BROKER_URL": self.redis.broker_url(),
        }

    @staticmethod
    def kill(engine: Postgres | Redis) -> None:
        """As a crash would, at once."""
        assert engine.process is not None
        os.kill(engine.process.pid, signal.SIGKILL)
        engine.process.wait()


@pytest.fixture
def private_engines(run: Run, django_db_blocker: DjangoDbBlocker, settings: Any) -> Iterator[PrivateEngines]:
    """A migrated PostgreSQL and a Redis of this test's own. Django here, and `settings.REDIS_URL`, point at them.

    Celery in this process keeps the run's broker: queue from a process of `private_world` where that matters.
    """
    folder = run.folder / f"private-{secrets.token_hex(4)}"
    folder.mkdir(mode=0o711)
    engines = PrivateEngines(make_postgres(folder, run.passwords, {"max_connections": "50"}), make_redis(folder))
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        for engine in (engines.postgres, engines.redis):
            stack.callback(engine.stop)
            engine.start()
        stack.enter_context(django_db_blocker.unblock())
        stack.enter_context(databases.pointed_at(DATABASE, host=str(engines.postgres.sockets)))
        call_command("migrate", verbosity=0, interactive=False)
        settings.REDIS_URL = engines.redis.url()
        yield engines


@pytest.fixture
def private_world(run: Run, private_engines: PrivateEngines) -> World:
    """Addresses for processes over the private engines: `Service(processes.web(…), private_world, …)`."""
    return make_world(run, {**run.environment(), **private_engines.environment()})
