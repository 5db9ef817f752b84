from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from pytest_django import DjangoDbBlocker

from delivery import knowledge
from orders import lifecycle
from orders.models import EndReason, Order
from tests.delivery.edge import Platform, a_key, an_edge
from tests.harness.databases import fresh_clone
from tests.harness.run import Run


@pytest.fixture(autouse=True)
def nothing_remembered() -> None:
    """Prices and rates of the test before are not this one's."""
    knowledge.forget()


@pytest.fixture(scope="module")
def shared_edge(run: Run, django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[str]:
    """One edge for the tests of a module, over a database of theirs where commits are real."""
    with django_db_blocker.unblock(), fresh_clone(run) as database, an_edge(run, database) as url:
        yield url


@pytest.fixture
def edge(shared_edge: str) -> str:
    """The edge's address. Orders of the tests before have ended; Redis begins empty, as for every test."""
    for order_id in Order.objects.delivering().values_list("id", flat=True):
        lifecycle.end(order_id=order_id, reason=EndReason.OPS, by=None, now=datetime.now(UTC))
    return shared_edge


@pytest.fixture
def platform(edge: str) -> Platform:
    return Platform(edge, a_key("delivery", "ops"))
