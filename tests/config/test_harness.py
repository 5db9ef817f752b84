"""What the other tests stand on."""

import os

import psycopg2
import pytest
import redis
from django.conf import settings
from django.db import connection

from promote.accounts.models import Account
from tests import builders


@pytest.mark.django_db
def test_an_ordinary_test_leaves_no_row_behind() -> None:
    builders.an_account(external_id="harness-account")
    assert Account.objects.filter(external_id="harness-account").count() == 1


@pytest.mark.django_db
def test_an_ordinary_test_finds_no_row_of_another() -> None:
    assert not Account.objects.filter(external_id="harness-account").exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("turn", [1, 2])
def test_a_test_that_commits_has_a_database_of_its_own(turn: int) -> None:
    builders.an_account(external_id="harness-committed")
    other = psycopg2.connect(os.environ["DATABASE_URL"])
    with other.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM accounts_account WHERE external_id = 'harness-committed'")
        assert cursor.fetchone() == (1,)
    other.close()


def test_a_committed_database_can_be_asked_for_by_name(committed_db: str) -> None:
    assert connection.settings_dict["NAME"] == committed_db
    assert Account.objects.count() == 0


@pytest.mark.django_db
def test_tests_run_under_the_role_of_the_application() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user, pg_has_role(current_user, 'promote_owner', 'member')")
        assert cursor.fetchone() == ("promote_app", False)


def test_redis_is_empty_when_a_test_begins() -> None:
    client = redis.Redis.from_url(settings.REDIS_URL)
    assert client.dbsize() == 0
    client.set("left", "behind")


def test_redis_is_empty_when_the_next_one_begins() -> None:
    assert redis.Redis.from_url(settings.REDIS_URL).dbsize() == 0
