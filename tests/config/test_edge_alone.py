"""What an edge takes of its machine: what it loads before it answers (a process that died is missed until the next one
is ready), and whose turn it takes."""

import os
import subprocess
import sys

import psutil
import pytest

from bench.system import free_port
from promote.config import processes
from tests.delivery.edge import until
from tests.harness.run import ROOT, Run

HEAVY = {
    "rest_framework",
    "drf_spectacular",
    "django.contrib.admin",
    "payments.gateways",
    "stripe",
    "typst",
    "iporigin",
}
"""Pages, REST, providers, papers, and what the drain judges by."""


def test_an_edge_loads_what_it_needs_and_nothing_of_pages_or_payments() -> None:
    script = "import sys, delivery.edge; print(*sys.modules)"
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "promote.config.settings_of_edge"}
    told = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    loaded = set(told.stdout.split())
    assert {"delivery.edge", "numpy"} <= loaded
    assert not HEAVY & loaded


@pytest.mark.parametrize(("workers", "policy"), [(2, os.SCHED_BATCH), (1, os.SCHED_OTHER)])
def test_processes_that_share_a_core_do_not_break_into_each_others_turns(workers: int, policy: int, run: Run) -> None:
    core = str(min(os.sched_getaffinity(0)))
    command = ("taskset", "-c", core, *processes.edge(free_port(), workers=workers).arguments)
    edge = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **run.environment("none")}, stderr=subprocess.DEVNULL)
    try:
        its = psutil.Process(edge.pid)
        until(lambda: "promote.config.edge" in its.cmdline() and (workers == 1 or len(its.children()) == workers))
        serving = its.children() if workers > 1 else [its]
        assert {os.sched_getscheduler(one.pid) for one in serving} == {policy}
    finally:
        edge.terminate()
        edge.wait(20)
