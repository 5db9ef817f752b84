"""A backlog for the settlement bench: orders that ended in one second, each with its money moved by real journals.

Written by set-based SQL under the application's role, so that every constraint and trigger has its say. Of the orders
of 1,000 coins every fifth takes from two lots, every tenth has a coupon of 200 coins, every seventh spent nothing, and
every eleventh all of it; the others spent a share that ends in a fraction of a coin. What each must cost is computed
here a second time, by SQL of its own.
"""

from datetime import datetime
from pathlib import Path

from django.db import connection, transaction

from bench.running import Say

CHUNK = 20_000
_HERE = Path(__file__).parent
_SEED, _WRONG = (_HERE / "backlog.sql").read_text(), (_HERE / "backlog_wrong.sql").read_text()
ORDERS_AN_ACCOUNT = 4
CAMPAIGNS = 20


def open_campaigns(now: datetime) -> None:
    """Opens and funds the campaigns of the coupons."""
    from coupons import campaigns as room

    for number in range(CAMPAIGNS):
        campaign = room.open_campaign(by=None, now=now, name=f"Backlog {number}", kind="voucher", coins=200)
        room.fund(campaign_id=campaign.id, coins=1_000_000_000, key="backlog", by=None, now=now)


def seed(first: int, count: int, *, ended_at: datetime, say: Say) -> None:
    """Writes `count` orders from number `first` on, both divisible by ORDERS_AN_ACCOUNT, a chunk a transaction."""
    for start in range(first, first + count, CHUNK):
        end = min(start + CHUNK, first + count) - 1
        numbers = {"first": start, "last": end, "each": ORDERS_AN_ACCOUNT, "campaigns": CAMPAIGNS}
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(_SEED, {**numbers, "at": ended_at.isoformat()})
        if count > CHUNK:
            say(f"seeded up to number {end:,}")


def wrong() -> dict[str, int]:
    """How many refunds are not what they must be, how many escrows are not empty and closed, how many are not done."""
    with connection.cursor() as cursor:
        cursor.execute(_WRONG)
        names = [column.name for column in cursor.description]
        return dict(zip(names, cursor.fetchone(), strict=True))
