"""A process that can't start says why, once, and ends; and tells no secret of what it was given."""

import os
import socket
import subprocess
from pathlib import Path

import pytest

from promote.config import processes
from promote.config.processes import Process
from tests.harness.run import ROOT, Run

SECRET = "planted-secret"
PROCESSES = (processes.edge(18_931, workers=2), processes.web(18_932), processes.stops(), processes.beat(Path("/tmp")))


def started(process: Process, run: Run, **changed: str) -> tuple[int, str]:
    """Its exit code, and all that it said."""
    done = subprocess.run(
        process.arguments,
        check=False,
        cwd=ROOT,
        env={**os.environ, **run.environment("none"), **changed},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
    )
    return done.returncode, done.stdout


@pytest.mark.parametrize("process", PROCESSES, ids=lambda process: process.name)
def test_what_breaks_while_it_starts_is_told_by_kind_and_place(process: Process, run: Run) -> None:
    code, said = started(process, run, DATABASE_URL=f"postgresql://u:x@localhost:{SECRET}/promote")
    assert code != 0
    assert SECRET not in said
    assert "Traceback" in said
    assert "config/settings.py" in said
    assert "\nValueError\n" in said


def test_what_is_missing_in_the_environment_is_told_by_its_name(run: Run) -> None:
    code, said = started(processes.edge(18_931, workers=2), run, PROMOTE_KEY_TOKENS=f"{SECRET}:x")
    assert code != 0
    assert SECRET not in said
    assert "Misconfigured: PROMOTE_KEY_TOKENS is no list of keys" in said


@pytest.mark.parametrize("workers", [1, 3])
def test_an_edge_whose_port_is_taken_says_so_once_and_ends(workers: int, run: Run) -> None:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)  # as another edge's processes have it
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        code, said = started(processes.edge(port, workers=workers), run)
    assert code == 1
    assert said.count("\n") == 1
    assert f"can't listen on 127.0.0.1:{port}: Address already in use. Choose another place with --port N" in said


@pytest.mark.parametrize("asked", [("--port", "0"), ("--port", "70000"), ("--workers", "0"), ("--workers", "many")])
def test_an_edge_says_which_numbers_it_takes(asked: tuple[str, str], run: Run) -> None:
    code, said = started(Process("edge", (*processes.edge(18_931).arguments, *asked)), run)
    assert code == 2
    assert f"{asked[0]}: {asked[1]} is no number from 1 to" in said
