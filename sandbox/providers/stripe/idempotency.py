"""`Idempotency-Key`: the same key and body gives the stored answer; another body or path is refused.

Keys are kept for a day. An answer is stored once the endpoint has begun its work, whether it succeeded or not; a call
refused for its parameters leaves no trace.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from .errors import ApiError
from .world import World

KEPT_S = 24 * 3600


def begin(world: World, key: str, path: str, form: dict[str, Any]) -> tuple[int, dict[str, Any], str] | None:
    """Claim the key. None: go on. Else the stored answer and the id of the request that made it."""
    if len(key) > 255:
        raise ApiError(400, "invalid_request_error", "Idempotency keys hold up to 255 characters.", stored=False)
    content = json.dumps([path, form], sort_keys=True).encode()
    fingerprint = hashlib.sha256(content).hexdigest()
    with world.store.transaction():
        world.store.execute("DELETE FROM idempotency WHERE created < ?", (world.now() - KEPT_S,))
        sql = "SELECT fingerprint, status, body, request FROM idempotency WHERE key = ?"
        rows = world.store.execute(sql, (key,))
        if not rows:
            sql = "INSERT INTO idempotency (key, fingerprint, created) VALUES (?, ?, ?)"
            world.store.execute(sql, (key, fingerprint, world.now()))
            return None
    known, status, body, request = rows[0]
    if known != fingerprint:
        raise ApiError(
            400,
            "idempotency_error",
            "Keys for idempotent requests can only be used with the same parameters they were first used with. Try "
            f"using a key other than '{key}' if you meant to execute a different request.",
            stored=False,
        )
    if status is None:
        raise ApiError(
            409,
            "invalid_request_error",
            "There is currently another in-progress request using this Idempotent Key (that probably means you "
            f"submitted twice, and the other request is still going through): {key}. Please try again later.",
            code="idempotency_key_in_use",
            stored=False,
        )
    return status, json.loads(body), request


def finish(world: World, key: str, request_id: str, status: int, body: dict[str, Any]) -> None:
    sql = "UPDATE idempotency SET status = ?, body = ?, request = ? WHERE key = ?"
    world.store.execute(sql, (status, json.dumps(body), request_id, key))


def forget(world: World, key: str) -> None:
    world.store.execute("DELETE FROM idempotency WHERE key = ? AND status IS NULL", (key,))


def forget_unfinished(world: World) -> None:
    """After a restart: what was under way is no longer."""
    world.store.execute("DELETE FROM idempotency WHERE status IS NULL")
