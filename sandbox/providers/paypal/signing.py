"""How PayPal signs its notices: RSA over id, time, the webhook's id and the body's checksum; its certificate lies at a
public address."""

from __future__ import annotations

import base64
import json
import secrets
import uuid
import zlib
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

from sandbox.providers.plumbing.outbox import Message, Target


class Signer:
    """A key of this process, and its certificate for a year."""

    def __init__(self, webhook_id: str) -> None:
        self._webhook_id = webhook_id
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.certificate_path = f"/v1/notifications/certs/CERT-{secrets.token_hex(8)}"
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "messageverificationcerts.stand-in")])
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self._key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=365))
            .sign(self._key, hashes.SHA256())
        )
        self.certificate = certificate.public_bytes(serialization.Encoding.PEM)

    def message(self, target: Target, event: dict[str, Any], base_url: str) -> Message:
        payload = json.dumps(event).encode()
        id_, at = str(uuid.uuid4()), datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        signed = f"{id_}|{at}|{self._webhook_id}|{zlib.crc32(payload)}".encode()
        signature = self._key.sign(signed, padding.PKCS1v15(), hashes.SHA256())
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "PayPal/AUHD-214.0-58034252",
            "PAYPAL-TRANSMISSION-ID": id_,
            "PAYPAL-TRANSMISSION-TIME": at,
            "PAYPAL-TRANSMISSION-SIG": base64.b64encode(signature).decode(),
            "PAYPAL-CERT-URL": base_url + self.certificate_path,
            "PAYPAL-AUTH-ALGO": "SHA256withRSA",
        }
        return Message(target.url, headers, payload)
