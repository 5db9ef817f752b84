"""The providers' tokens of what was saved: sealed, and found again by a keyed digest beside the seal.

A seal is another text each time, so nothing is found by it. The digest takes the same key: who has the rows alone can
neither open a token nor try one. What an older key made, or has no digest yet, is made anew behind the scenes, so that
an old key can be let go of (docs/runbook.md, Keys).
"""

import contextlib
import logging

from django.db import transaction
from django.db.models import Q, QuerySet

from payments.models import SavedMethod
from promote.keys import keyring

log = logging.getLogger(__name__)

_PURPOSE = "fields"


def sealed(token: str) -> dict[str, str]:
    """A token as its row has it."""
    return {
        "token": keyring.seal(_PURPOSE, token.encode()),
        "token_digest": keyring.digests(_PURPOSE, token.encode())[0],
    }


def opened(saved: SavedMethod) -> str:
    """The token of a row; empty where it was forgotten. Raises SealBroken where its key is gone."""
    return keyring.unseal(_PURPOSE, saved.token).decode() if saved.token else ""


def find(*, gateway: str, token: str) -> SavedMethod | None:
    """What is saved by this token of the provider, if it is not removed."""
    kept = SavedMethod.objects.filter(gateway=gateway, removed_at=None).select_related("account")
    by_digest = kept.filter(token_digest__in=keyring.digests(_PURPOSE, token.encode()))
    return by_digest.first() or _among(kept.filter(token_digest=""), token)


def renew_due(*, limit: int) -> int:
    """Seals up to `limit` rows anew that an older key sealed, or that have no digest; how many."""
    current, *older = keyring.key_ids(_PURPOSE)
    wanting = Q(token__startswith=f"{current}.", token_digest="")
    for key_id in older:
        wanting |= Q(token__startswith=f"{key_id}.")
    with transaction.atomic():
        due = list(SavedMethod.objects.select_for_update(skip_locked=True).filter(wanting).order_by("id")[:limit])
        renewed = [saved for saved in due if _renew(saved)]
        SavedMethod.objects.bulk_update(renewed, ["token", "token_digest"])
    return len(renewed)


def _renew(saved: SavedMethod) -> bool:
    try:
        made = sealed(opened(saved))
    except keyring.SealBroken:
        log.error("%s can't be opened: its token was changed", saved.public_id)
        return False
    saved.token, saved.token_digest = made["token"], made["token_digest"]
    return True


def _among(rows: QuerySet[SavedMethod], token: str) -> SavedMethod | None:
    """Of rows without a digest, which are from before there was one: opened one after the other."""
    for saved in rows.iterator(chunk_size=2000):
        with contextlib.suppress(keyring.SealBroken):  # its key is gone: the others are looked through all the same
            if opened(saved) == token:
                return saved
    return None
