"""What nothing that goes through psycopg2 can be faster than, on this machine: `script/bench ledger --floor`.

A commit of one row; the least that a transfer is, a row and two balances, in one statement: without a key, a rule, or
an index more than the primary key; and the least that a placement is: the rows of a real one, again and again, into
tables of the same columns that have no key, rule or index at all.
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
_PLACED = (
    "orders_order",
    "orders_ordertransition",
    "orders_review",
    "payments_ledgeraccount",
    "payments_journal",
    "payments_transfer",
    "outbox_message",
    "notifications_notification",
)
"""Where a placement writes; besides, a lot pays."""
_ROWS = ", ".join(f"{name} AS (INSERT INTO floor.{name} SELECT * FROM floor.one_{name})" for name in _PLACED)  # noqa: S608
_PLACEMENT = f"WITH {_ROWS} UPDATE floor.balance SET amount = amount - 5 WHERE id = %s"  # noqa: S608


def prepare() -> None:
    from django.db import connections

    with connections["owner"].cursor() as cursor:
        cursor.execute(_TABLES)


def prepare_placements() -> None:
    """Places an order, and keeps the rows that it wrote."""
    from django.db import connections

    from bench import posting

    next(posting.placements(PURSES))
    with connections["owner"].cursor() as cursor:
        for name in _PLACED:
            cursor.execute(f"CREATE TABLE floor.one_{name} AS SELECT * FROM {name} LIMIT 1")  # noqa: S608
            cursor.execute(f"CREATE TABLE floor.{name} AS SELECT * FROM {name} WITH NO DATA")  # noqa: S608
        cursor.execute("GRANT ALL ON ALL TABLES IN SCHEMA floor TO PUBLIC; ANALYZE")


def commits(number: int) -> Iterator[int]:
    """One row, committed."""
    return _steps(_COMMIT, number)


def transfers(number: int) -> Iterator[int]:
    """One row and two balances, committed. Each client has purses of its own, so that none waits for another."""
    return _steps(_TRANSFER, number)


def placements(number: int) -> Iterator[int]:
    """A placement's rows and a lot's balance, committed."""
    return _steps(_PLACEMENT, number, purses=1)


def _steps(statement: str, number: int, *, purses: int = 2) -> Iterator[int]:
    from django.db import connection

    connection.ensure_connection()
    chance, share = random.Random(number), PURSES // 16
    own = range(1 + number * share, 1 + (number + 1) * share)
    with connection.connection.cursor() as cursor:  # psycopg2's own, without Django around it
        while True:
            cursor.execute(statement, chance.sample(own, purses))
            yield 1
