"""Who looks for us: staff see promotions as their work asks for, and nobody pays for that (delivery.md 5).

Asked for by every drain, so that a name which is added counts from then on, everywhere. What was billed before is
returned by a finding that names the viewer (invalid.py).
"""

from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache

import numpy as np
from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from delivery import ownership
from delivery.batch import Ints
from delivery.engine.tokens import pseudonym
from delivery.models import StaffViewer
from promote.accounts.models import User
from promote.keys import keyring
from promote.refusals import FieldError, Invalid


def add(*, name: str, note: str, by: User, now: datetime) -> StaffViewer:
    """From now on nobody pays for what this viewer is shown. Raises Invalid."""
    name, note = check(name=name, note=note)
    try:
        with transaction.atomic():
            return StaffViewer.objects.create(name=name, note=note, by=by, at=now)
    except IntegrityError:
        raise Invalid([_known()]) from None


def check(*, name: str, note: str) -> tuple[str, str]:
    """As they are kept. Raises Invalid."""
    name, note, wrong = name.strip(), note.strip(), []
    if not name:
        wrong.append(FieldError("name", "required", _("Write the name by which the platform asks for them.")))
    elif StaffViewer.objects.filter(name=name).exists():
        wrong.append(_known())
    if not note:
        wrong.append(FieldError("note", "required", _("Say who that is.")))
    if wrong:
        raise Invalid(wrong)
    return name, note


def viewers(*, days: Iterable[int]) -> Ints:
    """Their pseudonyms: the lasting ones, and those of these days (counted from 1970) alone."""
    names = list(StaffViewer.objects.order_by().values_list("name", flat=True))
    if not names:
        return np.zeros(0, np.int64)
    whens = (None, *days)
    keys = keyring.from_settings().all(ownership.PURPOSE)
    return np.array([_pseudonym(key.secret, name, day) for key in keys for name in names for day in whens], np.int64)


@lru_cache(maxsize=50_000)
def _pseudonym(secret: bytes, name: str, day: int | None) -> int:
    return pseudonym(secret, name, day=day)


def _known() -> FieldError:
    return FieldError("name", "unique", _("This viewer is known as staff already."))
