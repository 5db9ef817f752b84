"""One row that can't be done holds up no other; a database that fails is no matter of a row."""

import pytest
from django.db import OperationalError, connection

from promote.halving import halved

pytestmark = pytest.mark.django_db


def refusing(bad: int, code: str):
    """Work on numbers, of which the database refuses one."""

    def work(rows):
        if bad in rows:
            with connection.cursor() as cursor:
                cursor.execute(f"DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{code}'; END $$")

    return work


@pytest.mark.parametrize("code", ["55000", "23514", "P0001"])
def test_what_a_trigger_of_ours_refuses_is_a_matter_of_its_row(code):
    failed = []
    assert halved(range(8), refusing(5, code), failed=lambda row, _error: failed.append(row)) == 7
    assert failed == [5]


@pytest.mark.parametrize("code", ["08006", "40P01", "40001", "53300", "57014", "58030", "55P03"])
def test_a_failing_database_passes_and_all_rows_stay(code):
    with pytest.raises(OperationalError):
        halved(range(8), refusing(5, code), failed=lambda row, error: pytest.fail(f"{row}: {error}"))
