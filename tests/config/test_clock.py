"""The clock rings for work that exists, at a worker who listens."""

import os
import signal
import subprocess
import sys

import pytest
from celery.apps.beat import Beat
from celery.beat import Scheduler, Service

from promote.config.celery import QUEUES, app


def test_every_entry_of_the_clock_names_a_task_of_a_queue_that_a_worker_takes() -> None:
    app.loader.import_default_modules()
    for name, entry in app.conf.beat_schedule.items():
        assert entry["task"] in app.tasks, name
        assert _queue(entry["task"]) in QUEUES, name


def test_what_is_late_after_a_second_does_not_wait_behind_what_takes_minutes() -> None:
    app.loader.import_default_modules()
    delivery = {name for name in app.tasks if name.startswith("delivery.")} - {"delivery.tasks.return_invalid"}
    assert {_queue(name) for name in delivery} == {"delivery"}
    slow = ("delivery.tasks.return_invalid", "payments.tasks.reconcile", "payments.tasks.render_documents")
    assert {_queue(name) for name in slow} == {"celery", "documents"}
    assert (_queue("orders.tasks.settle_due"), _queue("outbox.relay_urgent")) == ("settlement", "stops")


def test_what_a_page_asks_for_goes_where_it_is_taken_from_in_whichever_thread_it_is_answered() -> None:
    script = (
        "import django; django.setup(); from concurrent.futures import ThreadPoolExecutor as Threads; "
        "from celery import current_app; print(Threads().submit(lambda: current_app.main).result())"
    )
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "promote.config.settings"}
    told = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == app.main


def _queue(task: str) -> str:
    return app.amqp.router.route({}, task)["queue"].name


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
