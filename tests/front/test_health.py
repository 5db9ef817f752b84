"""Whether the system is alive and ready."""

import pytest

from promote.front import health

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def asked_anew(monkeypatch):
    monkeypatch.setattr(health, "_last", None)


def test_alive_needs_nothing_but_the_process(client, django_assert_num_queries):
    with django_assert_num_queries(0):
        answer = client.get("/health/live")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_ready_names_the_parts_that_do_not_answer(client, settings):
    settings.EDGE_URL = "http://127.0.0.1:9"
    answer = client.get("/health/ready")
    assert answer.status_code == 503
    assert answer.json() == {
        "status": "unavailable",
        "checks": {"database": "ok", "redis": "ok", "edge": "no answer", "worker": "no answer"},
    }


def test_ready_asks_the_parts_again_after_two_seconds_only(client, settings, django_assert_num_queries):
    settings.EDGE_URL = "http://127.0.0.1:9"
    client.get("/health/ready")
    with django_assert_num_queries(0):
        assert client.get("/health/ready").status_code == 503
