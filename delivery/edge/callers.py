"""Who calls the edge: a platform key, kept for a few seconds after the database knew it."""

import asyncio
import logging
import time
from datetime import UTC, datetime

from django.db import close_old_connections

from delivery.edge.background import in_thread
from promote.keys import platform_keys
from promote.keys.platform_keys import KeyUnknown, ScopeMissing
from promote.refusals import NotAuthenticated

log = logging.getLogger("promote.edge")
FRESH_S = 5.0
"""A revoked key is good for so long at the most."""
_ASKED_AGAIN_AFTER_S = 3.0
"""So old it is asked for again, and nobody waits for that."""
_MOST = 10_000
Known = tuple[float, frozenset[str] | None]
"""Since when, and the key's scopes; None of one that is unknown."""


class Keys:
    def __init__(self) -> None:
        self._known: dict[int, Known] = {}
        self._asked: dict[int, asyncio.Task[Known]] = {}
        """Those that the database is asked for now: once, however many requests come with one meanwhile."""

    async def demand(self, authorization: str, *names: str) -> None:
        """By what stands in an Authorization header. Raises NotAuthenticated, KeyUnknown, ScopeMissing."""
        # By Python's own hash, 64 bits under a secret of this process, which holds no key for longer than its request:
        # who guesses at one has millions of years to go.
        name = hash(authorization)
        kept, now = self._known.get(name), time.monotonic()
        if kept is None or now - kept[0] > _ASKED_AGAIN_AFTER_S:
            asked = self._asked.get(name) or self._ask(name, authorization)
            if kept is None or now - kept[0] > FRESH_S:
                kept = await asyncio.shield(asked)
        scopes = kept[1]
        if scopes is None:
            raise KeyUnknown
        if not scopes.issuperset(names):
            raise ScopeMissing(scope=", ".join(name for name in names if name not in scopes))

    def _ask(self, name: int, authorization: str) -> asyncio.Task[Known]:
        scheme, _, text = authorization.partition(" ")
        if scheme.lower() != "api-key" or not text.strip():
            raise NotAuthenticated
        task = self._asked[name] = asyncio.create_task(self._find(name, text.strip()))
        task.add_done_callback(_heard)
        return task

    async def _find(self, name: int, text: str) -> Known:
        try:
            found = time.monotonic(), await in_thread(_find, text)
        finally:
            del self._asked[name]
        if len(self._known) >= _MOST:
            self._known.clear()
        self._known[name] = found
        return found


def _heard(task: asyncio.Task[Known]) -> None:
    """Whoever waited was told as well; mostly nobody did."""
    if not task.cancelled() and (error := task.exception()) is not None:
        log.warning("edge: a caller's key could not be looked up: %s", error)


def _find(text: str) -> frozenset[str] | None:
    close_old_connections()
    try:
        return frozenset(platform_keys.find(text, now=datetime.now(UTC)).scopes)
    except KeyUnknown:
        return None
