"""Live orders in any number: one is placed and approved as any other, and then written again and again by SQL.

A tenth of a viewers' group each: a viewer of one group is the audience of ten orders, however many there are.
"""

import contextlib
import random
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

AUDIENCE_OF = 10
"""Orders that match one viewer."""
COINS = 100_000
LOOKED_AT_EVERY_S = 0.5
MUCH = 10**11
"""Micros released of each, so that what is measured is deciding and not the pacer's caution."""


def add(count: int) -> None:
    """Up to so many in all, delivering now, each with an escrow of its own."""
    from django.db import connection, transaction

    from orders.models import Order
    from promote.accounts.models import Account
    from promote.catalogue.models import Video

    first = Order.objects.count()
    with transaction.atomic(), connection.cursor() as cursor:
        template = _template() if not first else Order.objects.order_by("id").first()
        assert template is not None
        first = max(first, 1)
        cursor.execute(
            "CREATE TEMP TABLE fresh ON COMMIT DROP AS "
            "SELECT n, uuidv7() AS account, uuidv7() AS video, uuidv7() AS id FROM generate_series(%s::int, %s::int) n",
            [first, count - 1],
        )
        _again(
            cursor,
            Account,
            template.account_id,
            {"id": "f.account", "external_id": "'bench-' || f.n", "user_id": "NULL"},
        )
        _again(
            cursor,
            Video,
            template.video_id,
            {"id": "f.video", "external_id": "'video-' || f.n", "account_id": "f.account"},
        )
        cursor.execute(
            "INSERT INTO payments_ledgeraccount (ledger, kind, code, owner, guard, hot) "
            "SELECT 0, 'escrow', 'order:' || id, account, 'C', false FROM fresh"
        )
        _again(
            cursor,
            Order,
            template.id,
            {
                "id": "f.id",
                "account_id": "f.account",
                "video_id": "f.video",
                "quote_id": "f.id",
                "key": "'bench-' || f.n",
                "shard": "f.n %% 4",
                "escrow_id": "(SELECT id FROM payments_ledgeraccount WHERE ledger = 0 AND code = 'order:' || f.id)",
                "audience": f"""jsonb_build_object('countries', '["US"]'::jsonb, 'interests',
                                jsonb_build_array('topic-' || (f.n / {AUDIENCE_OF})))""",
                "changed_xid": "NULL",
            },
        )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def sell(count: int) -> None:
    """So many live orders that may spend, and what was sold of late."""
    add(count)
    release()
    sold_lately()


def fund() -> None:
    """Fills the escrows of all, by one journal."""
    from orders.models import Order
    from payments import ledger
    from payments.ledger import Movement

    source = ledger.platform("issuance")
    escrows = list(Order.objects.values_list("escrow_id", flat=True))
    moves = [Movement(source, escrow, COINS * 1_000_000) for escrow in escrows if escrow]
    ledger.post(kind="grant", key=f"bench-{len(moves)}", movements=moves, now=datetime.now(UTC))


def history() -> None:
    """Four weeks of traffic, of every kind of viewer."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO delivery_traffic_hour (hour, country, age_band, gender, surface, slots) "
            "SELECT date_trunc('hour', now()) - make_interval(hours => n), 'US', age, gender, surface, 100 + n %% 24 "
            "FROM generate_series(1, %s) n, generate_series(0, 4) age, unnest(ARRAY[0, 1, 2, 255]) gender, "
            "generate_series(0, 2) surface ON CONFLICT DO NOTHING",
            [28 * 24],
        )


def sold_lately() -> None:
    """What each order's last hours came to."""
    from django.db import connection

    from delivery.models import COUNTS

    zeros = ", ".join("0" for _ in COUNTS[3:])
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO delivery_hour_rollup (order_id, hour, dimension, value, {', '.join(COUNTS)}) "  # noqa: S608
            f"SELECT id, date_trunc('hour', now()) - make_interval(hours => n), 'all', '', 60, 50, 150000, {zeros} "
            "FROM orders_order, generate_series(1, 3) n ON CONFLICT DO NOTHING"
        )
        cursor.execute("ANALYZE")


def release() -> dict[UUID, int]:
    """Publishes every order at a price, with much released. The orders and their shards."""
    from delivery import generations
    from delivery.models import Shard
    from orders.models import Order

    orders: dict[UUID, int] = dict(Order.objects.delivering().values_list("id", "shard"))
    now = datetime.now(UTC)
    for shard in sorted(set(orders.values())):
        row, _ = Shard.objects.get_or_create(id=shard)
        generation = generations.ensure(shard=shard, now=now)
        row.refresh_from_db()
        Shard.objects.filter(id=shard).update(position_generation=generation)
        _tell(shard, generation, [order for order, its in orders.items() if its == shard])
    return orders


@contextlib.contextmanager
def paced() -> Iterator[None]:
    """Meanwhile every order is looked at twice a second, as a pacer does it, and its price moves a little each time."""
    from delivery.models import Shard
    from orders.models import Order

    orders: dict[UUID, int] = dict(Order.objects.delivering().values_list("id", "shard"))
    generations: dict[int, int] = dict(Shard.objects.values_list("id", "generation"))
    shards = {shard: [order for order, its in orders.items() if its == shard] for shard in set(orders.values())}
    ended = threading.Event()

    def look() -> None:
        began = time.monotonic()
        while not ended.wait(max(0.0, LOOKED_AT_EVERY_S - (time.monotonic() - began))):
            began = time.monotonic()
            for shard, mine in shards.items():
                _tell(shard, generations[shard], mine, by=0.05)

    with ThreadPoolExecutor(1) as pool:
        looking = pool.submit(look)
        try:
            yield
        finally:
            ended.set()
        looking.result()


def _tell(shard: int, generation: int, orders: Sequence[UUID], *, by: float = 0.0) -> None:
    """Releases much of each at a price. `by`: so much of it more or less, at random. Raises RuntimeError where Redis
    does not take it: what is measured would stand still."""
    from delivery import hot
    from delivery.engine.index import Pace

    for start in range(0, len(orders), 200):
        grants = [
            hot.Grant(
                order=order,
                most_micros=MUCH,
                left_micros=MUCH,
                drained_micros=0,
                # Young, and each with a rate of its own.
                pace=Pace(2.5e-5 * random.uniform(1 - by, 1 + by), 100.0, ((30.0 + number / 1000, 90.0),) * 3),
            )
            for number, order in enumerate(orders[start : start + 200], start)
        ]
        call = hot.release(shard=shard, generation=generation, epoch=1, grants=grants)
        if hot.run(hot.client(), call) != [len(grants)]:
            raise RuntimeError(f"shard {shard} did not take its releases")


def a_key() -> str:
    from promote.keys import platform_keys

    return platform_keys.create(name="bench", scopes=["delivery", "ops"], now=datetime.now(UTC))[1]


def _again(cursor: Any, model: Any, id_: UUID | None, instead: dict[str, str]) -> None:
    """Writes a row once for each of `fresh`, with other words in some columns."""
    columns = [field.column for field in model._meta.local_concrete_fields]
    wanted = ", ".join(instead.get(column, f"t.{column}") for column in columns)
    table = model._meta.db_table
    cursor.execute(
        f"INSERT INTO {table} ({', '.join(columns)}) SELECT {wanted} FROM fresh f, {table} t WHERE t.id = %s",  # noqa: S608  (names of our own)
        [id_],
    )


def _template() -> Any:
    """One order that came its whole way: account, video, coins, quote, placement, approval."""
    from orders import placement, quotes, review
    from orders.models import Order
    from payments import wallet
    from promote.accounts.models import Account, User
    from promote.catalogue.models import Video
    from promote.eligibility import BROWSER

    now = datetime.now(UTC) - timedelta(minutes=1)
    account = Account.objects.create(
        external_id="bench-0",
        username="bench",
        type="business",
        country="US",
        birth_date=date(1990, 5, 17),
        source_updated_at=now,
    )
    video = Video.objects.create(
        external_id="video-0",
        account=account,
        caption="Batik",
        music_licence="commercial",
        visibility="public",
        status="active",
        duration_s=21,
        source_updated_at=now,
    )
    wallet.grant(account=account, coins=COINS, key="bench", now=now, reason="bench")
    quote = quotes.make(account=account, caller=BROWSER, target=video, now=now, objective="video_views",
                        budget_coins=COINS, duration_s=86_400, audience={"countries": ["US"]})  # fmt: skip
    order = placement.place(account=account, quote=quote.sealed, key="bench-0", caller=BROWSER, now=now)
    reviewer = User.objects.create_superuser("bench", "", "correct horse battery")
    review.approve(order_id=order.id, by=reviewer, now=now)
    Order.objects.filter(id=order.id).update(audience={"countries": ["US"], "interests": ["topic-0"]})
    return Order.objects.get(id=order.id)


def viewers(orders: int, count: int) -> Sequence[dict[str, Any]]:
    """Each of a group that ten orders want."""
    groups = max(1, orders // AUDIENCE_OF)
    return [
        {"id": f"viewer-{number}", "country": "US", "age_band": "25-34", "gender": "female",
         "interests": [f"topic-{number * 7919 % groups}"], "app_platform": "ios"}
        for number in range(count)
    ]  # fmt: skip
