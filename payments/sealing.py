"""History that shows tampering: what was posted is sealed in blocks, each with the hash of the one before.

The database makes a block and nobody else can (sql/0020_blocks.sql); the audit recomputes them all. Who can rewrite
every block after a row could hide that row's change, so the newest block's name belongs outside this system too: each
is logged, and `manage.py audit --anchor` looks for one that was kept. Source: DESIGN.md 6.3, docs/adr/0012.
"""

import logging
from datetime import datetime

from django.db import connection

from payments.models import Block

log = logging.getLogger(__name__)

MOST_TRANSFERS = 50_000
"""In one block, which the audit holds in memory at once; whole transactions, so it may be a little more."""


def seal(*, now: datetime, most: int = MOST_TRANSFERS) -> list[Block]:
    """Seals everything that ended before the oldest transaction still running; the new blocks, each committed alone
    unless the caller has a transaction open.
    """
    made = []
    while (number := _seal_one(now, most)) is not None:
        block = Block.objects.get(number=number)
        log.info("sealing: block %s holds %s transfers", block, block.transfers)
        made.append(block)
    return made


def _seal_one(now: datetime, most: int) -> int | None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT payments_seal(%s, %s)", [now, most])
        number = cursor.fetchone()[0]
    return None if number is None else int(number)
