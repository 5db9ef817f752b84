"""Wrong passwords are counted by name and by address, so that guessing is slow and forgetting is not punished."""

from django.core.cache import cache
from django.utils.translation import gettext_lazy as _

from promote.refusals import Refusal

WINDOW_S = 900
MOST_BY_NAME = 8
MOST_BY_ADDRESS = 40


class TooManyAttempts(Refusal):
    code, status = "rate_limited", 429
    title = _("Too many tries")
    sentence = _("Too many wrong passwords in a row. Wait {minutes} minutes, or open Promote from the app instead.")


def check(*, username: str, address: str) -> None:
    """Raises TooManyAttempts while this name or address has failed too often within the last 15 minutes."""
    counts = cache.get_many(_keys(username, address))
    for key, most in zip(_keys(username, address), (MOST_BY_NAME, MOST_BY_ADDRESS), strict=True):
        if counts.get(key, 0) >= most:
            raise TooManyAttempts(minutes=WINDOW_S // 60)


def failed(*, username: str, address: str) -> None:
    for key in _keys(username, address):
        cache.add(key, 0, WINDOW_S)
        cache.incr(key)


def succeeded(*, username: str, address: str) -> None:
    cache.delete(_keys(username, address)[0])


def _keys(username: str, address: str) -> tuple[str, str]:
    return f"login:name:{username.casefold()[:150]}", f"login:from:{address}"
