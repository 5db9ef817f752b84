from collections.abc import Iterator

import pytest

from tests.payments.buying import Till, offered, till


@pytest.fixture(scope="session")
def _till(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Till]:
    yield from till(tmp_path_factory.mktemp("stripe"))


@pytest.fixture
def at_till(_till: Till) -> Iterator[Till]:
    """A payment provider that runs for this test session, with a mailbox of this test's own."""
    with offered(_till):
        yield _till
