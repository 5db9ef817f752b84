"""What an edge loads before it answers: a process that died is missed until the next one is ready."""

import os
import subprocess
import sys

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
