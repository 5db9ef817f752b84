"""What a worker takes first, and what it keeps between two tasks."""

import pytest
from celery.fixups.django import DjangoWorkerFixup
from django.db import connection

from promote.config import processes
from promote.config.celery import QUEUES, app
from promote.config.queue_order import DocumentsLast


def test_queues_take_turns_and_documents_are_made_when_nothing_else_waits() -> None:
    order = DocumentsLast()
    order.update(["documents", "celery", "settlement"])
    assert order.consume(3) == ["celery", "settlement", "documents"]
    order.rotate("celery")
    assert order.consume(3) == ["settlement", "celery", "documents"]
    order.rotate("documents")
    assert order.consume(3) == ["settlement", "celery", "documents"]
    assert "documents" in QUEUES


@pytest.mark.django_db
def test_a_worker_keeps_its_connection_to_the_database_from_task_to_task() -> None:
    connection.ensure_connection()
    server = connection.connection
    DjangoWorkerFixup(app).close_database()
    assert connection.connection is server
    assert not server.closed


def test_each_queue_is_taken_by_one_of_the_workers_and_stops_by_one_that_takes_nothing_else() -> None:
    taken = [process.arguments[process.arguments.index("-Q") + 1] for process in processes.workers()]
    assert sorted(",".join(taken).split(",")) == sorted(QUEUES)
    assert "stops" in taken
