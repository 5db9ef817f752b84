"""What nothing that goes through psycopg2 can be faster than, on this machine: `script/bench ledger --floor`.

A commit of one row; and the least that a transfer is, a row and two balances, in one statement: without a key, a rule,
or an index more than the primary key.
"""

import random
from collections.abc import Iterator

_TABLES = """
    CREATE SCHEMA floor;
    CREATE TABLE floor.row (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, giver int, taker int, amount bigint);
    CREATE TABLE floor.balance (id int PRIMARY KEY, amount bigint NOT NULL) WITH (fillfactor = 70);
    INSERT INTO floor.balance SELECT id, 1000000000 FROM generate_series(1, 20000) id;
    ANALYZE floor.balance;
    GRANT USAGE ON SCHEMA floor TO PUBLIC;
    GRANT ALL ON ALL TABLES IN SCHEMA floor TO PUBLIC;
"""
_COMMIT = "INSERT INTO floor.row (giver, taker, amount) VALUES (%s, %s, 5)"
_TRANSFER = """
    WITH moved AS (INSERT INTO floor.row (giver, taker, amount) VALUES (%s, %s, 5) RETURNING giver, taker, amount)
    UPDATE floor.balance b SET amount = b.amount + CASE WHEN b.id = moved.giver THEN -moved.amount ELSE moved.amount END
      FROM moved WHERE b.id = ANY (ARRAY[moved.giver, moved.taker])
"""
PURSES = 20_000


def prepare() -> None:
    from django.db import connections

    with connections["owner"].cursor() as cursor:
        cursor.execute(_TABLES)


def commits(number: int) -> Iterator[int]:
    """One row, committed."""
    return _steps(_COMMIT, number)


def transfers(number: int) -> Iterator[int]:
    """One row and two balances, committed. Each client has purses of its own, so that none waits for another."""
    return _steps(_TRANSFER, number)


def _steps(statement: str, number: int) -> Iterator[int]:
    from django.db import connection

    connection.ensure_connection()
    chance, share = random.Random(number), PURSES // 16
    own = range(1 + number * share, 1 + (number + 1) * share)
    with connection.connection.cursor() as cursor:  # psycopg2's own, without Django around it
        while True:
            cursor.execute(statement, chance.sample(own, 2))
            yield 1
