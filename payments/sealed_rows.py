"""Names and numbers of people that lie sealed with the key of fields: each opens for the row that it was sealed for.

So a seal that somebody copies from one row to another opens no more. What an older key sealed is sealed anew behind the
scenes, so that an old key can be let go of (docs/runbook.md, Keys).
"""

import logging
from collections.abc import Sequence
from uuid import UUID

from django.db import transaction
from django.db.models import Model, Q

from payments.models import Payer, PayoutAccount
from promote.keys import keyring

log = logging.getLogger(__name__)

_PURPOSE, _ID_BYTES = "fields", 16
_KEPT: Sequence[tuple[type[Model], Sequence[str]]] = ((PayoutAccount, ("holder", "number")), (Payer, ("name",)))
"""Whose, and which of their fields. All of a row's have one key."""


def seal(text: str, *, row_id: UUID) -> str:
    return keyring.seal(_PURPOSE, row_id.bytes + text.encode())


def opened(sealed: str, *, row_id: UUID) -> str:
    """Raises SealBroken, also for what was sealed for another row."""
    raw = keyring.unseal(_PURPOSE, sealed)
    if raw[:_ID_BYTES] != row_id.bytes:
        raise keyring.SealBroken(_PURPOSE)
    return raw[_ID_BYTES:].decode()


def renew_due(*, limit: int) -> int:
    """Seals up to `limit` rows of each kind anew that an older key sealed; how many."""
    older = keyring.key_ids(_PURPOSE)[1:]
    return sum(_renew(model, fields, older, limit=limit) for model, fields in _KEPT) if older else 0


def _renew(model: type[Model], fields: Sequence[str], older: Sequence[str], *, limit: int) -> int:
    wanting = Q()
    for key_id in older:
        wanting |= Q(**{f"{fields[0]}__startswith": f"{key_id}."})
    with transaction.atomic():
        rows = model._default_manager.select_for_update(skip_locked=True).filter(wanting).order_by("pk")
        renewed = [row for row in rows[:limit] if _is_sealed_anew(row, fields)]
        model._default_manager.bulk_update(renewed, fields)
    return len(renewed)


def _is_sealed_anew(row: Model, fields: Sequence[str]) -> bool:
    try:
        for field in fields:
            setattr(row, field, seal(opened(getattr(row, field), row_id=row.pk), row_id=row.pk))
    except keyring.SealBroken:
        log.error("%s %s can't be opened: what it has sealed was changed", type(row).__name__, row.pk)
        return False
    return True
