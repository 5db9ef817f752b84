"""How tests run: `.venv/bin/pytest tests/orders`, any number of times at once; tests/README.md has the fixtures."""

import pytest

from tests.harness import run as test_run

RUN = test_run.begin()

import django  # noqa: E402

django.setup()

from tests.harness.fixtures import *  # noqa: E402, F403


def pytest_sessionstart(session: pytest.Session) -> None:
    if not session.config.option.collectonly:
        RUN.start()


def pytest_unconfigure() -> None:
    RUN.stop()


@pytest.fixture(scope="session")
def run() -> test_run.Run:
    return RUN
