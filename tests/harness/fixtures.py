"""The fixtures that tests ask for by name. Builders are not among them: see tests/builders.py."""

from collections.abc import Iterator

import pytest
import redis
from django.test import TestCase, TransactionTestCase
from pytest_django import DjangoDbBlocker

from delivery import hot
from tests.harness import databases
from tests.harness.run import Run

__all__ = ["_django_db_helper", "committed_db", "django_db_setup", "redis_clean"]


@pytest.fixture(scope="session")
def django_db_setup(run: Run, django_test_environment: None, django_db_blocker: DjangoDbBlocker) -> None:
    """This worker's own clone of the migrated template, in place of Django's test databases."""
    with django_db_blocker.unblock():
        databases.ensure_template(run)
        databases.clone(run, run.database)


@pytest.fixture
def _django_db_helper(
    request: pytest.FixtureRequest, run: Run, django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[None]:
    """What `@pytest.mark.django_db` means here: a transaction that is rolled back or, with `transaction=True` (or by
    the fixtures `committed_db` and `transactional_db`), a fresh clone, since the ledger refuses to be flushed."""
    if request.cls is not None and issubclass(request.cls, TransactionTestCase):
        raise pytest.UsageError("Tests are functions here: use @pytest.mark.django_db.")
    marker = request.node.get_closest_marker("django_db")
    options = dict(marker.kwargs) if marker else {}
    commits = options.pop("transaction", False) or {"committed_db", "transactional_db"} & set(request.fixturenames)
    aliases = options.pop("databases", None)
    if options or (marker and marker.args):
        raise pytest.UsageError("@pytest.mark.django_db takes transaction=True and databases=[…] only.")
    with django_db_blocker.unblock():
        if commits:
            with databases.fresh_clone(run):
                yield
            return
        case = type("Case", (_RolledBack,), {"databases": set(aliases)} if aliases else {})
        case.setUpClass()
        test = case(methodName="__init__")
        test._pre_setup()
        try:
            yield
        finally:
            test._post_teardown()
            case.tearDownClass()
            case.doClassCleanups()


class _RolledBack(TestCase):
    """One test in a transaction; the class-wide transaction that Django would put around it has no use here."""

    @classmethod
    def setUpClass(cls) -> None:
        super(TestCase, cls).setUpClass()

    @classmethod
    def tearDownClass(cls) -> None:
        super(TestCase, cls).tearDownClass()


@pytest.fixture
def committed_db(_django_db_helper: None, run: Run) -> str:
    """A database of this test's own, where commits are real and other processes see them. Its name."""
    from django.db import connection

    name: str = connection.settings_dict["NAME"]
    return name


@pytest.fixture(autouse=True)
def redis_clean(run: Run) -> None:
    """Both Redis databases of this worker are empty when a test begins."""
    for number in run.redis_numbers:
        client = redis.Redis.from_url(run.redis.url(number))
        client.flushdb()
        client.close()
    if run.cluster_url:
        hot.client().flushdb()
