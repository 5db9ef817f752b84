"""`script/server`, started as a user would start it: it comes up, stays up, and leaves nothing behind."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.harness.run import ROOT

WITHIN_S = 240


class Server:
    def __init__(self, data: Path, *more: str) -> None:
        self.data = data
        self.port, self.edge_port = free_ports(2)
        self.mark = uuid.uuid4().hex
        self.log = data.with_name(f"{data.name}.said")
        place = ("--port", str(self.port), "--edge-port", str(self.edge_port), "--data", str(data))
        self.process = said_by("--no-demo", *place, *more, mark=self.mark, to=self.log)

    def is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health/ready", timeout=10) as answer:
                return json.load(answer)["status"] == "ok"
        except OSError:
            return False

    def wait_until_it_runs(self) -> None:
        self.wait_for(lambda: "Promote runs" in self.log.read_text() and self.is_ready())

    def wait_for(self, done) -> None:
        until = time.monotonic() + WITHIN_S
        while not done():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < until, self.log.read_text()
            time.sleep(0.3)

    def child(self, *words: str) -> psutil.Process:
        """The child of the supervisor whose command has all these words."""
        for child in psutil.Process(self.process.pid).children():
            if all(word in " ".join(child.cmdline()) for word in words):
                return child
        raise AssertionError(f"no child {words}")

    def stop(self, by: signal.Signals) -> None:
        self.process.send_signal(by)
        self.process.wait(timeout=WITHIN_S)

    def left(self) -> list[str]:
        """Processes of this server that still run: they carry its mark or, the engines, its folder."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                if process.status() == psutil.STATUS_ZOMBIE:
                    continue
                mine = process.environ().get("PROMOTE_TEST_MARK") == self.mark
                if mine or Path(process.cwd()).is_relative_to(self.data):
                    found.append(" ".join(process.cmdline()))
        return found

    def wait_until_nothing_is_left(self) -> None:
        until = time.monotonic() + 60
        while (left := self.left()) and time.monotonic() < until:
            time.sleep(0.2)
        assert left == []


def said_by(*arguments: str, mark: str, to: Path) -> subprocess.Popen[bytes]:
    environment = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    with to.open("wb") as said:
        return subprocess.Popen(
            [sys.executable, "-m", "promote.config.supervisor", *arguments],
            cwd=ROOT,
            env={**environment, "PROMOTE_TEST_MARK": mark},
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
        )


def refused(*arguments: str, to: Path) -> str:
    """What a start says that can't go on."""
    process = said_by("--no-demo", *arguments, mark="", to=to)
    assert process.wait(timeout=WITHIN_S) == 1
    return to.read_text()


def free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


@pytest.fixture(scope="module")
def ran_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that was empty, that a server came up in, and that it left on Ctrl-C."""
    server = Server(tmp_path_factory.mktemp("ran") / "data")
    try:
        server.wait_until_it_runs()
        server.stop(signal.SIGINT)
        assert server.process.returncode == 0
        assert server.left() == []
    finally:
        server.process.kill()
    return server.data


@pytest.fixture
def start(tmp_path: Path, ran_once: Path) -> Iterator:
    started: list[Server] = []

    def begin(name: str = "data") -> Server:
        if not (tmp_path / name).exists():
            # With its owners: the engines run as an account of their own where we are root.
            subprocess.run(["cp", "-a", ran_once, tmp_path / name], check=True)
            for kept in (tmp_path / name).glob("*.port"):
                kept.unlink()  # two copies that start together would both find it free
        server = Server(tmp_path / name)
        started.append(server)
        return server

    yield begin
    for server in started:
        if server.process.poll() is None:
            server.stop(signal.SIGTERM)


def test_a_server_that_stopped_on_ctrl_c_comes_up_again_what_dies_is_started_again_and_killed_it_leaves_nothing(
    start,
) -> None:
    server = start()
    server.wait_until_it_runs()
    for words in (("celery", "worker"), ("redis-server",), ("postgres",)):
        server.child(*words).kill()
    server.wait_for(lambda: server.log.read_text().count("answers again") == 2)
    server.wait_for(lambda: "worker ended" in server.log.read_text() and server.is_ready())
    server.process.kill()
    server.process.wait()
    server.wait_until_nothing_is_left()
    sockets = (server.data / "engines/sockets").readlink()
    server = start()
    server.wait_until_it_runs()
    assert not sockets.exists()  # the next start tidied up


def test_two_systems_run_side_by_side_and_commands_speak_to_the_one_they_name(start, tmp_path: Path) -> None:
    one, other = start("one"), start("other")
    one.wait_until_it_runs()
    other.wait_until_it_runs()
    manage(one.data, "create_staff", "ada", "--role", "reviewer", "--json")
    assert "ada" in manage(one.data, "shell", "-v", "0", "-c", STAFF)
    assert "ada" not in manage(other.data, "shell", "-v", "0", "-c", STAFF)

    port, edge_port = free_ports(2)
    spare = ("--port", str(port), "--edge-port", str(edge_port))
    taken = refused(
        "--port", str(one.port), "--edge-port", str(edge_port), "--data", str(tmp_path / "third"), to=one.log
    )
    assert f"Port {one.port} can't be used" in taken
    assert "--port" in taken
    again = refused(*spare, "--data", str(other.data), to=tmp_path / "again")
    assert "already runs" in again
    assert "--data" in again
    assert other.is_ready()


STAFF = "from promote.accounts.models import User; print(*User.objects.values_list('username', flat=True))"


def test_a_command_without_a_server_starts_engines_for_itself_and_stops_them(tmp_path: Path) -> None:
    data = tmp_path / "data"
    manage(data, "migrate", "-v", "0")
    manage(data, "create_staff", "ada", "--role", "reviewer", "--json")
    assert "ada" in manage(data, "shell", "-v", "0", "-c", STAFF)
    assert not (data / "engines/state.json").exists()
    assert not (data / "postgres/postmaster.pid").exists()


def manage(data: Path, *arguments: str) -> str:
    environment = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env={**environment, "PROMOTE_DATA": str(data)},
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
