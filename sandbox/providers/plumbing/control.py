"""`/_ctl/…`: what a test does to any stand-in. Opened by a key of its own; no real provider has it.

| call | body | does |
|---|---|---|
| `POST /_ctl/webhook` | `{url?, secrets?, first_retry_s?}` | where notices go, and how they are signed |
| `POST /_ctl/faults` | the fields of `outbox.Faults` | notices lost, doubled, late, out of order |
| `POST /_ctl/answers` | the fields of `server.Answers` | the API is down, slow, or talks nonsense |
| `POST /_ctl/events/{id}/resend` | | the notice goes out again |
| `GET /_ctl/deliveries` · `GET /_ctl/requests` | | what was sent, what was asked |
"""

from __future__ import annotations

import json
import re
from typing import Any, Protocol

from sandbox.providers.plumbing.outbox import Faults, Outbox
from sandbox.providers.plumbing.server import Answers, Request
from sandbox.providers.plumbing.store import Store


class Told(Exception):
    """What was asked of the controls makes no sense."""


class Place(Protocol):
    """What the controls turn."""

    store: Store
    outbox: Outbox
    answers: Answers


def body_of(request: Request) -> dict[str, Any]:
    """Raises Told."""
    try:
        asked = json.loads(request.body) if request.body else {}
    except ValueError as error:
        raise Told("The body is not JSON.") from error
    if not isinstance(asked, dict):
        raise Told("The body is not a JSON object.")
    return asked


def act(place: Place, request: Request, asked: dict[str, Any]) -> dict[str, Any] | None:
    """The answer to a call above; None for any other. Raises Told."""
    call = f"{request.method} {request.path}"
    try:
        if call == "POST /_ctl/webhook":
            target = place.outbox.target
            for name in ("url", "secrets", "first_retry_s"):
                setattr(target, name, asked.get(name, getattr(target, name)))
            return {"url": target.url}
        if call == "POST /_ctl/faults":
            place.outbox.misbehave(Faults(**asked))
            return asked
        if call == "POST /_ctl/answers":
            place.answers = Answers(**asked)
            return asked
    except TypeError as error:
        raise Told(str(error)) from error
    if call == "GET /_ctl/deliveries":
        rows = place.store.execute("SELECT event, state, attempt, answer FROM deliveries ORDER BY id")
        return {"data": [dict(zip(("event", "state", "attempt", "answer"), row, strict=True)) for row in rows]}
    if call == "GET /_ctl/requests":
        return {"data": _requests(place.store)}
    if found := re.fullmatch(r"POST /_ctl/events/([\w.-]+)/resend", call):
        place.outbox.resend(found[1])
        return {"event": found[1]}
    return None


def _requests(store: Store) -> list[dict[str, Any]]:
    rows = store.execute("SELECT method, path, headers, body, status FROM requests ORDER BY seq")
    return [
        {"method": row[0], "path": row[1], "headers": json.loads(row[2]), "body": json.loads(row[3]), "status": row[4]}
        for row in rows
    ]
