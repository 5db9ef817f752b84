"""What a development system makes for itself: its secrets, once a data folder, in a file only its owner reads.

The sandbox's payment providers get the same keys as Promote, as a merchant and its provider share them.
"""

import base64
import fcntl
import json
import os
import secrets
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from promote.config.engines import write_private
from promote.keys.keyring import PURPOSES

NOWHERE = "http://127.0.0.1:9"
_SIGNS_CERTIFICATES = x509.KeyUsage(
    key_cert_sign=True, crl_sign=True, digital_signature=False, content_commitment=False, key_encipherment=False,
    data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False,
)  # fmt: skip


def secrets_of(data: Path) -> dict[str, str]:
    """The keys of every purpose and the sandbox payment servers', made at the first call. For development only."""
    data.mkdir(parents=True, exist_ok=True)
    file = data / "keys.env"
    with os.fdopen(os.open(data / "keys.lock", os.O_CREAT | os.O_WRONLY, 0o600), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        found = dict(line.split("=", 1) for line in file.read_text().splitlines()) if file.exists() else {}
        missing = {name: make() for name, make in _wanted().items() if name not in found}
        if "DOKU_PRIVATE_KEY" not in found:
            missing |= _pairs("DOKU")
        if "TWOC2P_PRIVATE_KEY" not in found:
            missing |= _pairs("TWOC2P")
        if "APPLE_PRIVATE_KEY" not in found:
            missing |= _apple_keys()
        if "GOOGLE_PLAY_SERVICE_ACCOUNT" not in found:
            missing |= _google_keys()
        if missing:
            found |= missing
            write_private(file, "".join(f"{name}={value}\n" for name, value in found.items()))
    return found


def unreachable_providers(environment: Mapping[str, str]) -> dict[str, str]:
    """Addresses for providers of which nothing is set: keys made here must never reach a real one."""
    return {
        f"{prefix}_API_BASE": NOWHERE
        for prefix in ("PAYPAL", "DOKU", "TWOC2P", "APPLE", "GOOGLE_PLAY")
        if not any(name.startswith(f"{prefix}_") for name in environment)
    }


def _wanted() -> dict[str, Callable[[], str]]:
    return {
        **{f"PROMOTE_KEY_{purpose.upper()}": _key for purpose in PURPOSES},
        "STRIPE_SECRET_KEY": lambda: f"sk_test_{secrets.token_hex(24)}",
        "STRIPE_PUBLISHABLE_KEY": lambda: f"pk_test_{secrets.token_hex(24)}",
        "STRIPE_WEBHOOK_SECRETS": lambda: f"whsec_{base64.b64encode(secrets.token_bytes(24)).decode()}",
        "PAYPAL_CLIENT_ID": lambda: f"A{secrets.token_hex(24)}",
        "PAYPAL_CLIENT_SECRET": lambda: f"E{secrets.token_hex(24)}",
        "PAYPAL_WEBHOOK_ID": lambda: f"WH-{secrets.token_hex(8)}",
        "DOKU_CLIENT_ID": lambda: f"BRN-{secrets.randbelow(10**13):013d}",
        "DOKU_SECRET_KEY": lambda: f"SK-{secrets.token_hex(16)}",
        "DOKU_PARTNER_SERVICE_ID": lambda: "88899",
        "TWOC2P_MERCHANT_ID": lambda: f"JT{secrets.randbelow(10**6):06d}",
        "TWOC2P_SECRET_KEY": lambda: secrets.token_hex(32),
        "APPLE_BUNDLE_ID": lambda: "example.promote",
        "APPLE_APP_ID": lambda: "1234567890",
        "APPLE_ISSUER_ID": lambda: str(uuid.uuid4()),
        "APPLE_KEY_ID": lambda: secrets.token_hex(5).upper(),
        "GOOGLE_PLAY_PACKAGE_NAME": lambda: "example.promote",
        "GOOGLE_PLAY_PUSH_ACCOUNT": lambda: "push@promote-stand-in.iam.gserviceaccount.com",
    }


def _pairs(provider: str) -> dict[str, str]:
    """Two pairs of keys, ours and the provider's, each half where it belongs."""
    ours, theirs = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2))
    return {
        f"{provider}_PRIVATE_KEY": _private(ours),
        f"{provider}_PUBLIC_KEY": _public(theirs),
        f"SANDBOX_{provider}_PRIVATE_KEY": _private(theirs),
        f"SANDBOX_{provider}_MERCHANT_KEY": _public(ours),
    }


def _apple_keys() -> dict[str, str]:
    """Ours for Apple's API, and the root that the stand-in signs under as Apple does under its own."""
    ours, root = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP384R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Stand-in Root CA - G3")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, root.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=3650))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(root.public_key()), critical=False)
        .add_extension(_SIGNS_CERTIFICATES, critical=True)
        .sign(root, hashes.SHA384())
    )
    return {
        "APPLE_PRIVATE_KEY": _private(ours),
        "APPLE_ROOT_CERTIFICATE": base64.b64encode(certificate.public_bytes(serialization.Encoding.DER)).decode(),
        "SANDBOX_APPLE_PUBLIC_KEY": _public(ours),
        "SANDBOX_APPLE_ROOT_KEY": _private(root),
    }


def _google_keys() -> dict[str, str]:
    """A service account as Google's console gives it out: a JSON file."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = serialization.PrivateFormat.PKCS8
    pem = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    account = {
        "type": "service_account",
        "project_id": "promote-stand-in",
        "private_key_id": secrets.token_hex(20),
        "private_key": pem.decode(),
        "client_email": "promote@promote-stand-in.iam.gserviceaccount.com",
        "token_uri": "https://oauth2.googleapis.com/token",
    }
    return {
        "GOOGLE_PLAY_SERVICE_ACCOUNT": base64.b64encode(json.dumps(account).encode()).decode(),
        "SANDBOX_GOOGLE_PLAY_PUBLIC_KEY": _public(key),
    }


def _private(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    form = serialization.PrivateFormat.PKCS8
    der = key.private_bytes(serialization.Encoding.DER, form, serialization.NoEncryption())
    return base64.b64encode(der).decode()


def _public(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return base64.b64encode(key.public_key().public_bytes(serialization.Encoding.DER, form)).decode()


def _key() -> str:
    return f"dev1:{base64.b64encode(secrets.token_bytes(32)).decode()}"
