"""Means of payment that a payer let the provider keep: remembered with consent, used with one press, forgotten at will.

Source: DESIGN.md 2, saved PayPal (reference transactions).
"""

import contextlib
from datetime import datetime

from django.db import transaction

from payments import gateways, providers
from payments.gateways.base import Gateway, GatewayAway, GatewayRefused, Remembers, Saved
from payments.models import SavedMethod, TopUp
from promote import ids
from promote.accounts.models import Account
from promote.keys import keyring
from promote.refusals import NotFound

_PURPOSE = "fields"


def of(*, account: Account) -> dict[str, SavedMethod]:
    """What the account has saved, by method."""
    return {one.method: one for one in account.saved_methods.filter(removed_at=None)}


def token_of(saved: SavedMethod) -> str:
    """The provider's token; empty where it was forgotten."""
    return keyring.unseal(_PURPOSE, saved.token).decode() if saved.token else ""


def remember(*, top_up: TopUp, saved: Saved) -> None:
    """In the transaction that credits the payment: keeps what its payer agreed to save when they started it."""
    known = SavedMethod.objects.filter(account=top_up.account_id, method=top_up.method, removed_at=None)
    if known.exists():
        return
    SavedMethod.objects.create(
        account=top_up.account,
        method=top_up.method,
        gateway=top_up.gateway,
        token=keyring.seal(_PURPOSE, saved.token.encode()),
        label=_masked(saved.label),
        first_top_up=top_up,
        consented_at=top_up.started_at,
    )


def forget(*, account: Account, public_id: str, now: datetime) -> None:
    """Removes it here at once, and at the provider if that answers. Raises NotFound, also for another's."""
    with transaction.atomic():
        found = account.saved_methods.select_for_update().filter(id=ids.parse("sav", public_id)).first()
        if found is None:
            raise NotFound
        if found.removed_at is not None:
            return
        token = keyring.unseal(_PURPOSE, found.token).decode()
        found.removed_at, found.token = now, ""
        found.save(update_fields=["removed_at", "token"])
    # Where the provider does not answer: without our copy of the token nobody can pay with it.
    with contextlib.suppress(GatewayAway, GatewayRefused, gateways.NoSuchGateway):
        providers.ask(found.gateway, lambda gateway: _forget(gateway, token))


def is_gone(saved: SavedMethod, *, now: datetime) -> None:
    """Its owner has taken it back at the provider."""
    SavedMethod.objects.filter(id=saved.id, removed_at=None).update(removed_at=now, token="")


def _forget(gateway: Gateway, token: str) -> None:
    if isinstance(gateway, Remembers):
        gateway.forget(token)


def _masked(email: str) -> str:
    """`rahayu@example.com` → `r…@example.com`: enough for its owner."""
    name, at, host = email.partition("@")
    return f"{name[:1]}…{at}{host}"[:64] if at else ""
