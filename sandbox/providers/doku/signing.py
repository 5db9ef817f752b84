"""SNAP's two signatures, as DOKU checks and makes them: RSA for a token, HMAC of every call."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64decode, b64encode
from datetime import UTC, datetime
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding

TOLERANCE_S = 300


def mac(secret: str, path: str, token: str, raw: bytes, timestamp: str) -> str:
    """Base64 of HMAC-SHA512 over `POST:path:token:lower(hex(sha256(body))):timestamp`."""
    signed = f"POST:{path}:{token}:{hashlib.sha256(raw).hexdigest()}:{timestamp}"
    return b64encode(hmac.new(secret.encode(), signed.encode(), hashlib.sha512).digest()).decode()


def same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())


def private_key(text: str) -> Any:
    return serialization.load_der_private_key(b64decode(text), password=None)


def public_key(text: str) -> Any:
    return serialization.load_der_public_key(b64decode(text))


def sign(key: Any, text: str) -> str:
    return b64encode(key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())).decode()


def is_signed(key: Any, text: str, signature: str) -> bool:
    try:
        key.verify(b64decode(signature, validate=True), text.encode(), padding.PKCS1v15(), hashes.SHA256())
    except (InvalidSignature, ValueError):
        return False
    return True


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def is_fresh(timestamp: str) -> bool:
    try:
        at = datetime.fromisoformat(timestamp)
    except ValueError:
        return False
    return at.tzinfo is not None and abs((datetime.now(UTC) - at).total_seconds()) <= TOLERANCE_S
