"""How Pub/Sub pushes: an envelope with the data in base64, under a token that Google signs for the subscription's own
account; the certificates of its keys lie at a public address."""

from __future__ import annotations

import base64
import json
import secrets
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from sandbox.providers.plumbing.outbox import Message, Target

_LIFE_S = 3600


class Pusher:
    """A key of this process, and its certificate for a day."""

    def __init__(self, account: str) -> None:
        self._account, self._key_id = account, secrets.token_hex(20)
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "federated-signon.stand-in")])
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder(name, name, self._key.public_key(), x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(days=1))
            .sign(self._key, hashes.SHA256())
        )
        self.certificates = {self._key_id: certificate.public_bytes(serialization.Encoding.PEM).decode()}

    def message(self, target: Target, event_id: str, data: dict[str, Any]) -> Message:
        told = {
            "data": base64.b64encode(json.dumps(data).encode()).decode(),
            "messageId": event_id,
            "publishTime": datetime.now(UTC).isoformat(),
            "attributes": {},
        }
        body = json.dumps({"message": told, "subscription": "projects/promote-stand-in/subscriptions/play"}).encode()
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self.token(target.url)}"}
        return Message(target.url, headers, body)

    def token(self, audience: str, **claims: Any) -> str:
        now = int(time.time())
        said = {
            "iss": "https://accounts.google.com",
            "aud": audience,
            "azp": "113774264463038321964",
            "sub": "113774264463038321964",
            "email": self._account,
            "email_verified": True,
            "iat": now,
            "exp": now + _LIFE_S,
            **claims,
        }
        return jwt.encode(said, self._key, algorithm="RS256", headers={"kid": self._key_id})
