"""Who calls the edge: a platform key, kept for a few seconds after the database knew it."""

import time
from datetime import UTC, datetime

from django.db import close_old_connections

from delivery.edge.background import in_thread
from promote.keys import platform_keys
from promote.keys.platform_keys import KeyUnknown, ScopeMissing
from promote.refusals import NotAuthenticated

FRESH_S = 5.0
"""A revoked key is good for so long at the most."""
_MOST = 10_000


class Keys:
    def __init__(self) -> None:
        self._known: dict[str, tuple[float, frozenset[str] | None]] = {}

    async def demand(self, authorization: str, *names: str) -> None:
        """By what stands in an Authorization header. Raises NotAuthenticated, KeyUnknown, ScopeMissing."""
        # By its hash: a process' memory holds no key for longer than its request.
        name = platform_keys.digest(authorization)
        kept = self._known.get(name)
        if kept is None or time.monotonic() - kept[0] > FRESH_S:
            kept = await self._look_up(name, authorization)
        scopes = kept[1]
        if scopes is None:
            raise KeyUnknown
        if not scopes.issuperset(names):
            raise ScopeMissing(scope=", ".join(name for name in names if name not in scopes))

    async def _look_up(self, name: str, authorization: str) -> tuple[float, frozenset[str] | None]:
        scheme, _, text = authorization.partition(" ")
        if scheme.lower() != "api-key" or not text.strip():
            raise NotAuthenticated
        if len(self._known) >= _MOST:
            self._known.clear()
        kept = self._known[name] = time.monotonic(), await in_thread(_find, text.strip())
        return kept


def _find(text: str) -> frozenset[str] | None:
    close_old_connections()
    try:
        return frozenset(platform_keys.find(text, now=datetime.now(UTC)).scopes)
    except KeyUnknown:
        return None
