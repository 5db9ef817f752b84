"""How much of an edge its callers may take: one of them, and all together. Who takes more is told so, and left.

Nothing here is counted while a request is read and answered as it should be: connections are looked at every few
seconds, bodies when they are large (ADR 56).
"""

import logging
import resource
from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from delivery.edge.http import BODY_MAX_BYTES, THROWN_AWAY
from promote.problems import Unavailable
from promote.refusals import Refusal

log = logging.getLogger("promote.edge")
HEAD_MAX_BYTES = 64 * 1024
MESSAGE_MAX_BYTES = HEAD_MAX_BYTES + BODY_MAX_BYTES + THROWN_AWAY
"""All that one request may be, with what stands between and behind the parts of its body."""
READ_AHEAD, READ_AHEAD_BYTES = 8, 256 * 1024
"""So many requests, and so much of them, may be sent before the first is answered; then the others wait on the wire."""
LARGE_BYTES, REQUEST_BYTES = 64 * 1024, 1024
"""From here on a body counts as held; and so does each request that came in one piece with too many others."""
FILES_SPARED = 128
"""For everything but callers: Redis, PostgreSQL, those that are turned away."""
TURNED_AWAY_MOST = 64
"""Who comes when all places are taken is told so; so many at once, others are left without a word."""
LEFT_WITHIN_S = 1.0
"""Who is refused while still sending has so long to read why."""


class TooManyConnections(Unavailable):
    sentence = _("More connections are open than this server keeps. Try again in a moment.")


class TooMuchHeld(Unavailable):
    sentence = _("More is being sent to this server than it can hold. Send it again in a moment.")


class TooSlow(Refusal):
    code, status = "request_timeout", 408
    title = _("Too slow")
    sentence = _("The request did not arrive whole in time. Send it again on a new connection.")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a caller may take, in seconds."""

    head_s: float
    """From its first byte to the end of its headers."""
    whole_s: float
    """To the end of its body."""
    silent_s: float
    """Between two parts of its body."""
    idle_s: float
    """Between two requests (nginx closes its own after 60)."""
    unread_s: float
    """Without reading any of what it was sent."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Of one process. From `crowded` connections on there is less patience, so that there is room for others."""

    connections: int
    held_bytes: int = 256 * 1024 * 1024
    """Of large bodies that are read or answered, and of requests that wait for their turn."""
    patience: Patience = Patience(head_s=30, whole_s=120, silent_s=30, idle_s=75, unread_s=30)
    hurry: Patience = Patience(head_s=5, whole_s=30, silent_s=5, idle_s=5, unread_s=5)

    @property
    def crowded(self) -> int:
        return self.connections * 3 // 4


def of_process(connections: int) -> Bounds:
    """So many connections, or as many as the system lets this process have open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + FILES_SPARED
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(hard, wanted)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    possible = connections if soft == resource.RLIM_INFINITY else min(connections, soft - FILES_SPARED)
    if possible < connections:
        log.warning("edge: %s connections at most, since the system lets a process open %s files", possible, soft)
    return Bounds(max(1, possible))
