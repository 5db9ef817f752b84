"""Finding and keeping the answers of requests that must not run twice. Source: api.md, Problems; DESIGN.md 6.6."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection
from django.utils.translation import gettext_lazy as _

from promote.idempotency.models import StoredAnswer
from promote.refusals import FieldError, Invalid, Refusal


class KeyMissing(Refusal):
    code, status = "idempotency_key_missing", 400
    title = _("Idempotency-Key is missing")
    sentence = _("Send an Idempotency-Key header, one for each thing you want done; a retry repeats it.")


class KeyReused(Refusal):
    code, status = "idempotency_key_reused", 422
    title = _("This Idempotency-Key was used for something else")
    sentence = _("The same Idempotency-Key came with another body before. Use a new key for a new request.")


class InProgress(Refusal):
    code, status = "request_in_progress", 409
    title = _("The same request is being worked on")
    sentence = _("A request with this Idempotency-Key is being worked on. Ask again in a moment, with the same key.")


class KeyMalformed(Invalid):
    def __init__(self) -> None:
        super().__init__([FieldError("Idempotency-Key", "invalid", _("It has 1 to 255 visible ASCII characters."))])


@dataclass(frozen=True, slots=True)
class Call:
    """One request to be done once: who calls what, and their key for it."""

    caller: str
    call: str
    key: str

    @property
    def lock(self) -> int:
        """A signed 64-bit number; two calls that share one by chance merely wait for each other."""
        digest = hashlib.sha256(f"{self.caller}\n{self.call}\n{self.key}".encode()).digest()
        return int.from_bytes(digest[:8], "big", signed=True)


def find(call: Call, *, body_hashes: Sequence[str]) -> StoredAnswer | None:
    """The answer to this very request, if it had one; else None, and it is the caller's until the transaction ends.

    Call inside a transaction, with the body's hash under each key in use: the answer may be kept under one of before.
    Raises InProgress while another transaction has it, KeyReused for another body.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [call.lock])
        (is_ours,) = cursor.fetchone()
    if not is_ours:
        raise InProgress
    stored = StoredAnswer.objects.filter(caller=call.caller, call=call.call, key=call.key).first()
    if stored is not None and stored.body_hash not in body_hashes:
        raise KeyReused
    return stored


def keep(call: Call, *, body_hash: str, status: int, body: str, now: datetime) -> None:
    """Stores a success, to be committed with the work that it answers."""
    StoredAnswer.objects.create(
        caller=call.caller, call=call.call, key=call.key, body_hash=body_hash, status=status, body=body, created_at=now
    )


def forget(*, before: datetime) -> int:
    """Drops answers older than any client's retries. Money has keys of its own, which are never dropped."""
    return StoredAnswer.objects.filter(created_at__lt=before).delete()[0]
