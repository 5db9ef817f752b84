import pytest

from delivery import knowledge


@pytest.fixture(autouse=True)
def nothing_remembered() -> None:
    """Prices and rates of the test before are not this one's."""
    knowledge.forget()
