"""The clock rings for work that exists, at a worker who listens."""

import os
import signal

import pytest
from celery.apps.beat import Beat
from celery.beat import Scheduler, Service

from promote.config.celery import QUEUES, app


def test_every_entry_of_the_clock_names_a_task_and_a_queue_that_a_worker_takes() -> None:
    app.loader.import_default_modules()
    for name, entry in app.conf.beat_schedule.items():
        assert entry["task"] in app.tasks, name
        assert entry["options"]["queue"] in QUEUES, name


def test_a_run_that_nobody_took_is_dropped_before_it_becomes_a_pile() -> None:
    for entry in app.conf.beat_schedule.values():
        assert entry["options"]["expires"] <= max(2, 2 * entry["schedule"])


class ToldToStop(Scheduler):
    """Is told to stop in the middle of its first tick."""

    finished = False

    def tick(self, *args: object, **kwargs: object) -> float:
        os.kill(os.getpid(), signal.SIGTERM)
        self.finished = True
        return 0.0


@pytest.fixture
def _own_signals():
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("_own_signals")
def test_a_clock_that_is_told_to_stop_ends_its_tick_and_stops() -> None:
    service = Service(app, scheduler_cls=ToldToStop)
    Beat(app=app).install_sync_handler(service)
    service.start()
    assert isinstance(service.scheduler, ToldToStop)
    assert service.scheduler.finished
