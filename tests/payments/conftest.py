from collections.abc import Iterator

import pytest
from django.core.cache import cache

from tests.payments.buying import Till, offered, till
from tests.payments.counter import Counter, counter, open_counter
from tests.payments.phones import Phones, open_stores, phones


@pytest.fixture(scope="session")
def _till(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Till]:
    yield from till(tmp_path_factory.mktemp("stripe"))


@pytest.fixture
def at_till(_till: Till) -> Iterator[Till]:
    """A payment provider that runs for this test session, with a mailbox of this test's own."""
    with offered(_till):
        yield _till


@pytest.fixture(scope="session")
def _counter(tmp_path_factory: pytest.TempPathFactory, _till: Till) -> Iterator[Counter]:
    yield from counter(tmp_path_factory.mktemp("providers"), _till)


@pytest.fixture
def at_counter(_counter: Counter, at_till: Till) -> Iterator[Counter]:
    """Every payment provider, for this test session, with a mailbox of this test's own."""
    cache.clear()
    with open_counter(_counter):
        yield _counter
    cache.clear()


@pytest.fixture(scope="session")
def _phones(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Phones]:
    yield from phones(tmp_path_factory.mktemp("stores"))


@pytest.fixture
def on_phones(_phones: Phones) -> Iterator[Phones]:
    """Both stores, for this test session, with a mailbox of this test's own."""
    cache.clear()
    with open_stores(_phones):
        yield _phones
    cache.clear()
