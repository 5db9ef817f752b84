"""The embedded PostgreSQL and Redis: what they keep when they die, and who may do what."""

import json
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator

import psutil
import pytest
import redis
from django.db import connection, connections

from promote.accounts.models import Account
from promote.config import processes
from promote.config.embedded_postgres import APP, DATABASE
from promote.config.embedded_redis import Redis
from tests import builders
from tests.harness.private import PrivateEngines
from tests.harness.run import ROOT, Run, make_postgres, make_redis
from tests.harness.services import Service, World, answering, port_of, running


def test_postgresql_killed_keeps_what_was_committed_and_the_pages_come_back_with_it(
    private_engines: PrivateEngines, private_web: Service
) -> None:
    builders.an_account(external_id="survivor")
    wait_until(lambda: database_is(private_web) == "ok")
    private_engines.kill(private_engines.postgres)
    wait_until(lambda: database_is(private_web) == "no answer")
    private_engines.postgres.start()
    wait_until(lambda: database_is(private_web) == "ok")
    connections.close_all()
    assert Account.objects.filter(external_id="survivor").exists()


@pytest.fixture
def private_web(private_world: World) -> Iterator[Service]:
    web = Service(
        processes.web(port_of(private_world.web)), private_world, answers=answering(f"{private_world.web}/health/live")
    )
    with running(web):
        yield web


def database_is(web: Service) -> str:
    try:
        with urllib.request.urlopen(f"{web.world.web}/health/ready", timeout=20) as answer:
            return str(json.load(answer)["checks"]["database"])
    except urllib.error.HTTPError as error:
        return str(json.load(error)["checks"]["database"])


def wait_until(true: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not true():
        assert time.monotonic() < until
        time.sleep(0.3)


@pytest.fixture
def own_redis(run: Run) -> Iterator[Redis]:
    folder = run.folder / f"redis-{builders.a_number()}"
    folder.mkdir(mode=0o711)
    server = make_redis(folder)
    server.start()
    yield server
    server.stop()


def test_redis_keeps_what_is_older_than_a_second_when_it_is_killed(own_redis: Redis) -> None:
    redis.Redis.from_url(own_redis.url()).set("counter", 7)
    time.sleep(1.5)
    PrivateEngines.kill(own_redis)
    own_redis.start()
    assert redis.Redis.from_url(own_redis.url()).get("counter") == b"7"


def test_a_torn_file_of_redis_is_set_aside_and_redis_starts(own_redis: Redis) -> None:
    own_redis.stop()
    file = own_redis.folder / "appendonly.aof"
    file.write_bytes(b"*3\r\n$3\r\nSET\r\n#broken" + file.read_bytes())
    own_redis.start()
    assert redis.Redis.from_url(own_redis.url()).ping()
    assert list(file.parent.glob("appendonly.aof.broken-*"))


def test_a_crash_while_the_cluster_was_being_made_does_not_spoil_the_next_start(run: Run) -> None:
    folder = run.folder / "half-made"
    folder.mkdir(mode=0o711)
    half = folder / "postgres.new"
    half.mkdir()
    (half / "PG_VERSION").write_text("18\n")
    postgres = make_postgres(folder, run.passwords)
    postgres.start()
    try:
        postgres.connect(APP, DATABASE).close()
    finally:
        postgres.stop()


@pytest.mark.django_db
@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE mine ()",
        "ALTER TABLE accounts_account DROP COLUMN username",
        "UPDATE django_migrations SET name = 'x'",
        "DROP TABLE payments_transfer",
    ],
)
def test_the_application_may_not_change_the_schema(statement: str) -> None:
    with connection.cursor() as cursor, pytest.raises(Exception, match=r"permission denied|must be owner"):
        cursor.execute(statement)


def test_a_child_does_not_outlive_a_parent_that_was_killed() -> None:
    script = """
import subprocess, sys, time
from pathlib import Path
from promote.config import children
child = children.spawn(["sleep", "600"], environment={"PATH": "/usr/bin:/bin"}, cwd=Path("/"))
print(child.pid, flush=True)
time.sleep(600)
"""
    parent = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    until = time.monotonic() + 10
    while _alive(child) and time.monotonic() < until:
        time.sleep(0.05)
    assert not _alive(child)


def _alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
