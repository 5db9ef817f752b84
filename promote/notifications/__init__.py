"""Telling an account what happened to its orders and coins."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from promote.accounts.models import Account
    from promote.notifications.models import Notification


def notify(*, account: "Account", kind: str, payload: dict[str, Any], now: datetime) -> "Notification":
    """Writes a notification in the caller's transaction. `kind` is one of promote.notifications.sentences."""
    from promote.notifications.models import Notification
    from promote.notifications.sentences import SENTENCES

    if kind not in SENTENCES:
        raise ValueError(f"no sentence for a notification {kind!r}")
    return Notification.objects.create(account=account, kind=kind, payload=payload, created_at=now)
