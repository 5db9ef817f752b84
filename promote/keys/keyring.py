"""One key a purpose, its id in every value made with it, two valid while rotating (DESIGN.md 5).

A value is `<key id>.<base64url(nonce + ciphertext + tag)>`, ChaCha20-Poly1305, bound to its purpose and key id.
"""

import base64
import binascii
import hmac
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

PURPOSES = ("sessions", "quotes", "tokens", "jwt", "links", "streams", "holdout", "fields")
_NONCE = 12
# What stands in plain base64 only is none of ours: one text opens, and no other that would mean the same.
_TO_URL, _FROM_URL = bytes.maketrans(b"+/", b"-_"), bytes.maketrans(b"-_+/", b"+/!!")


class SealBroken(ValueError):
    """The value was not sealed by us for this purpose, or was changed since."""


@dataclass(frozen=True, slots=True)
class Key:
    id: str
    secret: bytes
    """32 bytes."""


class Keyring:
    """The keys of every purpose: the first makes values, all of them open."""

    def __init__(self, keys: Mapping[str, Sequence[Key]]) -> None:
        for purpose in PURPOSES:
            if not keys.get(purpose):
                raise ValueError(f"no key for {purpose}")
        self._keys = {purpose: tuple(some) for purpose, some in keys.items()}
        self._ciphers = {
            (purpose, key.id): (ChaCha20Poly1305(key.secret), f"{purpose}.{key.id}".encode())
            for purpose, some in self._keys.items()
            for key in some
        }
        self._current = {
            purpose: (f"{some[0].id}.", *self._ciphers[purpose, some[0].id]) for purpose, some in self._keys.items()
        }

    def current(self, purpose: str) -> Key:
        return self._keys[purpose][0]

    def all(self, purpose: str) -> tuple[Key, ...]:
        return self._keys[purpose]

    def find(self, purpose: str, key_id: str) -> Key | None:
        return next((key for key in self._keys[purpose] if key.id == key_id), None)

    def seal(self, purpose: str, payload: bytes) -> str:
        head, cipher, bound_to = self._current[purpose]
        nonce = os.urandom(_NONCE)
        return head + _text(nonce + cipher.encrypt(nonce, payload, bound_to))

    def unseal(self, purpose: str, text: str) -> bytes:
        """What was sealed. Raises SealBroken for anything else, however malformed."""
        key_id, _, body = text.partition(".")
        known = self._ciphers.get((purpose, key_id))
        if known is None:
            raise SealBroken(purpose)
        cipher, bound_to = known
        try:
            raw = _bytes(body)
            return cipher.decrypt(raw[:_NONCE], raw[_NONCE:], bound_to)
        except (InvalidTag, binascii.Error, ValueError):
            raise SealBroken(purpose) from None

    def digests(self, purpose: str, payload: bytes) -> list[str]:
        """By which a sealed value is found again: `<key id>.<hex>` of each key, the current one's first."""
        told = f"{purpose}.digest.".encode() + payload
        return [f"{key.id}.{hmac.digest(key.secret, told, 'sha256').hex()}" for key in self._keys[purpose]]


# Python's base64 does the same by way of several copies: an event of delivery would spend a fourth of its time there.
def _text(raw: bytes) -> str:
    return binascii.b2a_base64(raw, newline=False).translate(_TO_URL).rstrip(b"=").decode("ascii")


def _bytes(text: str) -> bytes:
    """Raises ValueError for what is not base64url."""
    padded = text.encode("ascii").translate(_FROM_URL) + b"=" * (-len(text) % 4)
    return binascii.a2b_base64(padded, strict_mode=True)


def parse(text: str) -> tuple[Key, ...]:
    """Keys from `id:base64[,id:base64]`, newest first. Raises ValueError where an id or a secret is malformed."""
    keys = []
    for part in text.split(","):
        key_id, _, secret = part.strip().partition(":")
        raw = base64.b64decode(secret, validate=True)
        if not key_id.isalnum() or len(raw) != 32:
            raise ValueError("a key is `id:base64 of 32 bytes`, its id letters and digits")
        keys.append(Key(key_id, raw))
    return tuple(keys)


@cache
def from_settings() -> Keyring:
    """The keyring of this process."""
    from django.conf import settings

    return Keyring(settings.KEYRING)


def seal(purpose: str, payload: bytes) -> str:
    return from_settings().seal(purpose, payload)


def unseal(purpose: str, text: str) -> bytes:
    return from_settings().unseal(purpose, text)


def digests(purpose: str, payload: bytes) -> list[str]:
    return from_settings().digests(purpose, payload)


def key_ids(purpose: str) -> list[str]:
    """Of the keys that open, the current one's first."""
    return [key.id for key in from_settings().all(purpose)]
