"""Gifts in a live, paid from the same coins as orders. Source: DESIGN.md 2, api.md `platform/gifts`."""

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction

from payments import fiat, ledger, lots, uses
from payments.ledger import Movement
from payments.lots import Taken
from payments.models import Gift
from promote.accounts.models import Account
from promote.money import coins_to_micros


def give(*, account: Account, coins: int, reference: str, live: str = "", now: datetime) -> Gift:
    """Spends `coins` for a gift, once per the platform's reference, which then answers the same gift.

    Raises InsufficientCoins, JournalKeyReused (the reference stands for another gift).
    """
    key, kind = f"gift:{reference}", "gift"
    request = {"account": account.id, "coins": coins, "live": live}
    with transaction.atomic():
        free = lots.lock_free(account=account, now=now)
        if (journal_id := ledger.find(kind=kind, key=key, ref=reference, request=request)) is not None:
            return Gift.objects.get(journal_id=journal_id)
        taken = lots.spend(free, account=account, micros=coins_to_micros(coins))
        gifts = ledger.platform("gifts")
        movements = [Movement(part.ledger_account_id, gifts, part.micros) for part in taken]
        posted = ledger.post(kind=kind, key=key, ref=reference, request=request, movements=movements, now=now)
        gift = Gift.objects.create(
            account=account, reference=reference, live=live, coins=coins, journal_id=posted.journal_id, given_at=now
        )
        _earn(gift, taken, now=now)
        return gift


def _earn(gift: Gift, taken: Iterable[Taken], *, now: datetime) -> None:
    """The coins are used: their price becomes revenue. Journal `gift:{id}:revenue`."""
    parts = uses.record({part.ledger_account_id: part.micros for part in taken}, ref=gift.public_id, now=now)
    key = f"gift:{gift.public_id}:revenue"
    fiat.post(kind="gift_revenue", key=key, ref=gift.public_id, movements=fiat.earned(parts), now=now)
