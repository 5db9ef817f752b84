"""How tests run: `.venv/bin/pytest tests/orders`, any number of times at once; tests/README.md has the fixtures."""

import os

import hypothesis
import pytest

from tests.harness import run as test_run

RUN = test_run.begin()

import django  # noqa: E402

django.setup()

from tests.harness import browser as _browser  # noqa: E402
from tests.harness import door  # noqa: E402
from tests.harness.browser import *  # noqa: E402, F403
from tests.harness.fixtures import *  # noqa: E402, F403
from tests.harness.private import *  # noqa: E402, F403
from tests.harness.services import *  # noqa: E402, F403

door.share()

# A property is no stopwatch: how long an example takes is the machine's affair, which may be busy.
hypothesis.settings.register_profile("here", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("here")


# Whole systems, started and stopped: half a minute each.
LONGEST = (
    "tests/browser/",
    "tests/config/test_supervisor.py",
    "tests/sandbox/test_demo.py",
    "tests/api/test_journey.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest begins first, so that at the end no worker waits for another's last one."""
    items.sort(key=lambda item: not item.nodeid.startswith(LONGEST))


def pytest_sessionstart(session: pytest.Session) -> None:
    if not session.config.option.collectonly:
        RUN.start()
    # xdist's workers, started next, inherit our environment: with this set, pytest-django would read the settings
    # there before the lines above have given the worker its own addresses.
    os.environ.pop("DJANGO_SETTINGS_MODULE", None)


def pytest_unconfigure() -> None:
    RUN.stop()


@pytest.fixture(scope="session")
def run() -> test_run.Run:
    return RUN


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _browser.CHROMIUM is None:
        terminalreporter.write_sep(
            "!", "NO BROWSER: the tests in tests/browser were skipped. Install chromium.", red=True
        )
