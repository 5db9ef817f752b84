"""Who calls the edge: a platform key, kept for a few seconds after the database knew it."""

import time
from datetime import UTC, datetime

from django.db import close_old_connections

from delivery.edge.background import in_thread
from promote.keys import platform_keys
from promote.keys.platform_keys import KeyUnknown
from promote.refusals import NotAuthenticated
from promote.rest.permissions import ScopeMissing

FRESH_S = 5.0
"""A revoked key is good for so long at the most."""
_MOST = 10_000


class Keys:
    def __init__(self) -> None:
        self._known: dict[str, tuple[float, frozenset[str] | None]] = {}

    async def scopes(self, authorization: str) -> frozenset[str] | None:
        """The scopes of the key in an Authorization header; None where there is no header.

        Raises NotAuthenticated for any other header, KeyUnknown.
        """
        if not authorization:
            return None
        scheme, _, text = authorization.partition(" ")
        if scheme.lower() != "api-key" or not text.strip():
            raise NotAuthenticated
        return await self._look_up(text.strip())

    async def demand(self, authorization: str, *names: str) -> None:
        """Raises NotAuthenticated, KeyUnknown, ScopeMissing."""
        scopes = await self.scopes(authorization)
        if scopes is None:
            raise NotAuthenticated
        if not scopes.issuperset(names):
            raise ScopeMissing(scope=", ".join(name for name in names if name not in scopes))

    async def _look_up(self, text: str) -> frozenset[str]:
        # By its hash: a process' memory holds no key for longer than its request.
        name = platform_keys.digest(text)
        kept = self._known.get(name)
        if kept is None or time.monotonic() - kept[0] > FRESH_S:
            if len(self._known) >= _MOST:
                self._known.clear()
            kept = self._known[name] = time.monotonic(), await in_thread(_find, text)
        if kept[1] is None:
            raise KeyUnknown
        return kept[1]


def _find(text: str) -> frozenset[str] | None:
    close_old_connections()
    try:
        return frozenset(platform_keys.find(text, now=datetime.now(UTC)).scopes)
    except KeyUnknown:
        return None
