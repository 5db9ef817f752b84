"""What the frame around every page shows: who is signed in, their balance, the theme."""

from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from promote.accounts.models import Account
from promote.notifications.models import Notification

THEMES = ("light", "dark", "auto")


def shell(request: HttpRequest) -> dict[str, Any]:
    """Looked up only where a template asks, so that the admin and errors pay nothing."""
    chosen = request.COOKIES.get("theme", "auto")
    return {
        "theme": chosen if chosen in THEMES else "auto",
        "account": SimpleLazyObject(lambda: account_of(request)),
        "purse": SimpleLazyObject(lambda: _free_coins(request)),
        "has_news": SimpleLazyObject(lambda: _has_news(request)),
    }


def account_of(request: HttpRequest) -> Account | None:
    """The Account profile of who is signed in; none for staff."""
    user = getattr(request, "user", None)
    return getattr(user, "account", None) if user is not None and user.is_authenticated else None


def _free_coins(request: HttpRequest) -> int | None:
    from payments import wallet

    account = account_of(request)
    return None if account is None else wallet.balance(account=account, now=timezone.now()).free_coins


def _has_news(request: HttpRequest) -> bool:
    account = account_of(request)
    return account is not None and Notification.objects.filter(account=account, read_at=None).exists()
