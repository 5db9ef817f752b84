"""Giving each transfer an account number of its own. Two payers at one number would pay each other's coins."""

import secrets
from uuid import UUID

from django.db import IntegrityError, transaction

from payments.models import VirtualAccount

_DIGITS, _TRIES = 12, 10


def number_of(top_up_id: UUID) -> str | None:
    """Its twelve digits, where it has them."""
    found = VirtualAccount.objects.filter(top_up=top_up_id).first()
    return str(found) if found else None


def take(top_up_id: UUID) -> str:
    """The number of this payment, the same however often it is asked for.

    Drawn by chance, so that a digit typed wrong hits nobody; the database says whether it is free.
    """
    for _ in range(_TRIES):
        try:
            with transaction.atomic():
                number = secrets.randbelow(10**_DIGITS)
                return str(VirtualAccount.objects.get_or_create(top_up_id=top_up_id, defaults={"number": number})[0])
        except IntegrityError:
            continue
    raise RuntimeError(f"no free account number in {_TRIES} draws")
