"""A chain of three certificates as Apple's own: root, intermediate and leaf, the last two marked with Apple's OIDs, and
what they sign. Source: Apple, "Fulfilling the certificate rules of JWS": x5c, ES256."""

from __future__ import annotations

import base64
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

INTERMEDIATE_MARK = x509.ObjectIdentifier("1.2.840.113635.100.6.2.1")
LEAF_MARK = x509.ObjectIdentifier("1.2.840.113635.100.6.11.1")
_ASN1_NULL = b"\x05\x00"


class Signer:
    """Signs under a root: its private key and certificate, both base64 of DER. Keys below are this process's own."""

    def __init__(self, root_key: str, root_certificate: str) -> None:
        key = serialization.load_der_private_key(base64.b64decode(root_key), None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise TypeError("The root's key is of another kind.")
        root = x509.load_der_x509_certificate(base64.b64decode(root_certificate))
        middle_key, self._key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
        middle = _certificate("Stand-in WWDR CA - G6", middle_key, key, root, INTERMEDIATE_MARK, is_ca=True)
        leaf = _certificate("Prod ECC Mac App Store Signing", self._key, middle_key, middle, LEAF_MARK, is_ca=False)
        self._chain = [base64.b64encode(one.public_bytes(_DER)).decode() for one in (leaf, middle, root)]

    def sign(self, payload: dict[str, Any]) -> str:
        signed = {**payload, "signedDate": int(time.time() * 1000)}
        return jwt.encode(signed, self._key, algorithm="ES256", headers={"x5c": self._chain})


_DER = serialization.Encoding.DER


def forger() -> Signer:
    """Somebody with a chain of their own, right in every way but its root."""
    key = ec.generate_private_key(ec.SECP384R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Apple Root CA - G3")])
    now = datetime.now(UTC)
    root = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=365))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(_use(is_ca=True), critical=True)
        .sign(key, hashes.SHA384())
    )
    form = serialization.PrivateFormat.PKCS8
    private = key.private_bytes(_DER, form, serialization.NoEncryption())
    return Signer(base64.b64encode(private).decode(), base64.b64encode(root.public_bytes(_DER)).decode())


def _certificate(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    by: ec.EllipticCurvePrivateKey,
    issuer: x509.Certificate,
    mark: x509.ObjectIdentifier,
    *,
    is_ca: bool,
) -> x509.Certificate:
    now = datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    return (
        x509.CertificateBuilder(issuer.subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=365))
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=0 if is_ca else None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(by.public_key()), critical=False)
        .add_extension(_use(is_ca=is_ca), critical=True)
        .add_extension(x509.UnrecognizedExtension(mark, _ASN1_NULL), critical=False)
        .sign(by, hashes.SHA384())
    )


def _use(*, is_ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not is_ca, key_cert_sign=is_ca, crl_sign=is_ca, content_commitment=False,
        key_encipherment=False, data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip
