"""The processes that tests and the server start answer, can be killed, and come back."""

import pytest
import requests

from promote.config import processes
from promote.config.celery import QUEUES
from tests.harness.services import Service, pinging, running
from tests.sandbox.stand_in import until

pytestmark = pytest.mark.django_db(transaction=True)


def told(world):
    return requests.get(f"{world.web}/health/ready", timeout=10).json()


def test_web_edge_and_workers_of_every_queue_make_a_system_that_is_ready(
    live_web, live_edge, celery_worker_process, world
):
    assert told(world)["status"] == "ok"
    celery_worker_process.kill()
    but_stops = [queue for queue in QUEUES if queue != "stops"]
    with running(Service(processes.worker(1, queues=but_stops, name="rest"), world, answers=pinging(world))):
        assert until(lambda: told(world)["checks"]["worker"] == "no answer", seconds=20)
        assert {**told(world)["checks"], "worker": "ok"} == dict.fromkeys(told(world)["checks"], "ok")
        celery_worker_process.start()
        assert until(lambda: told(world)["status"] == "ok", seconds=20)
