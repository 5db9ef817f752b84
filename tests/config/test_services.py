"""The processes that tests and the server start answer, can be killed, and come back."""

import json
import urllib.request

import pytest

pytestmark = pytest.mark.django_db(transaction=True)


def ready(world):
    with urllib.request.urlopen(f"{world.web}/health/ready", timeout=10) as answer:
        return json.load(answer)["status"]


def test_web_edge_and_a_worker_make_a_system_that_is_ready(live_web, live_edge, celery_worker_process, world):
    assert ready(world) == "ok"
    celery_worker_process.kill()
    celery_worker_process.start()
    assert ready(world) == "ok"
