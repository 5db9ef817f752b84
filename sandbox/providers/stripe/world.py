"""What every endpoint works with: the state, the clock, this server's address, and a way to tell of an event."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from sandbox.providers.plumbing.outbox import Outbox
from sandbox.providers.plumbing.server import Answers
from sandbox.providers.plumbing.store import Store

from . import API_VERSION, ids


@dataclass
class Call:
    """The request that is being answered; events name it as their cause."""

    request_id: str | None = None
    idempotency_key: str | None = None


@dataclass
class World:
    store: Store
    outbox: Outbox
    secret_key: str
    base_url: str
    slow_s: float = 0.0  # asked for by a test: how long a POST takes, to see what happens meanwhile
    answers: Answers = field(default_factory=Answers)
    debits_settle_after_s: float | None = None

    def now(self) -> int:
        return int(time.time())

    def emit(self, type_: str, body: dict[str, Any], call: Call | None = None, **previous: Any) -> dict[str, Any]:
        """Record an event with the object as it is now, and queue its delivery. Inside the caller's transaction."""
        data: dict[str, Any] = {"object": body}
        if previous:
            data["previous_attributes"] = previous
        call = call or Call()
        event = {
            "id": ids.new("evt"),
            "object": "event",
            "api_version": API_VERSION,
            "created": self.now(),
            "data": data,
            "livemode": False,
            "pending_webhooks": 1 if self.outbox.target.url else 0,
            "request": {"id": call.request_id, "idempotency_key": call.idempotency_key},
            "type": type_,
        }
        self.store.insert("event", event)
        self.outbox.queue(event)
        return event
