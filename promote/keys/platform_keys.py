"""Platform keys: making, finding, revoking. A key is `pk_<prefix>_<secret>`, 192 random bits, shown once."""

import hashlib
import hmac
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from promote.keys.models import PlatformKey, Scope
from promote.refusals import FieldError, Invalid, NotAllowed, NotAuthenticated

_SEEN_EVERY = timedelta(minutes=1)
"""`last_used_at` is kept to the minute: a row write per request would cost more than the request."""


class KeyUnknown(NotAuthenticated):
    sentence = _("This platform key is unknown or was revoked.")


class ScopeMissing(NotAllowed):
    sentence = _("This call needs a platform key with the scope {scope}.")


def create(*, name: str, scopes: Iterable[str], now: datetime) -> tuple[PlatformKey, str]:
    """A new key and its text, which nobody can show again. Raises Invalid."""
    chosen = list(dict.fromkeys(scopes))
    unknown = [scope for scope in chosen if scope not in Scope.values]
    if unknown or not chosen:
        known = ", ".join(Scope.values)
        raise Invalid([FieldError("scope", "invalid_choice", _("Name at least one scope of: %s.") % known)])
    if not name.strip() or len(name) > 100:
        raise Invalid([FieldError("name", "invalid", _("A name has 1 to 100 characters."))])
    prefix, secret = secrets.token_hex(6), secrets.token_urlsafe(24)
    text = f"pk_{prefix}_{secret}"
    key = PlatformKey.objects.create(
        name=name.strip(), prefix=prefix, sha256=digest(text), scopes=chosen, created_at=now
    )
    return key, text


def digest(text: str) -> str:
    """What is kept of a key. A plain hash is enough for 192 random bits."""
    return hashlib.sha256(text.encode()).hexdigest()


def prefix_of(text: str) -> str:
    """The part that finds a key, empty where the text is none."""
    parts = text.split("_", 2)
    return parts[1] if len(parts) == 3 and parts[0] == "pk" and parts[1].isalnum() and len(parts[1]) <= 16 else ""


def find(text: str, *, now: datetime) -> PlatformKey:
    """The key with this text. Raises KeyUnknown."""
    prefix = prefix_of(text)
    key = PlatformKey.objects.filter(prefix=prefix, revoked_at=None).first() if prefix and text.isascii() else None
    if key is None or not hmac.compare_digest(key.sha256, digest(text)):
        raise KeyUnknown
    if key.last_used_at is None or now - key.last_used_at > _SEEN_EVERY:
        stale = Q(last_used_at=None) | Q(last_used_at__lt=now - _SEEN_EVERY)
        PlatformKey.objects.filter(stale, id=key.id).update(last_used_at=now)
    return key


def revoke(*, key_id: UUID, now: datetime) -> bool:
    """Ends a key. True where it was still good."""
    return PlatformKey.objects.filter(id=key_id, revoked_at=None).update(revoked_at=now) == 1
