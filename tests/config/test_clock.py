"""The clock rings for work that exists, at a worker who listens."""

from promote.config.celery import QUEUES, app


def test_every_entry_of_the_clock_names_a_task_and_a_queue_that_a_worker_takes() -> None:
    app.loader.import_default_modules()
    for name, entry in app.conf.beat_schedule.items():
        assert entry["task"] in app.tasks, name
        assert entry["options"]["queue"] in QUEUES, name


def test_a_run_that_nobody_took_is_dropped_before_it_becomes_a_pile() -> None:
    for entry in app.conf.beat_schedule.values():
        assert entry["options"]["expires"] <= max(2, 2 * entry["schedule"])
