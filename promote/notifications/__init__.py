"""Telling an account what happened to its orders and coins."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from promote import ids, many

if TYPE_CHECKING:
    from promote.accounts.models import Account


def notify(*, account: "Account", kind: str, payload: dict[str, Any], now: datetime) -> None:
    """Writes a notification in the caller's transaction. `kind` is one of promote.notifications.sentences."""
    notify_all(kind=kind, told=[(account.id, payload)], now=now)


def notify_all(*, kind: str, told: Sequence[tuple[UUID, dict[str, Any]]], now: datetime) -> None:
    """As `notify`, for each account's id and payload, in one statement."""
    from promote.notifications.models import Notification
    from promote.notifications.sentences import SENTENCES

    if kind not in SENTENCES:
        raise ValueError(f"no sentence for a notification {kind!r}")
    rows = [{"id": ids.new(), "account_id": account_id, "payload": payload} for account_id, payload in told]
    many.insert(Notification, rows, kind=kind, created_at=now)
