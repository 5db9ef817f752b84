"""What a development system makes for itself: its secrets, once a data folder, in a file only its owner reads.

The sandbox's payment providers get the same keys as Promote, as a merchant and its provider share them.
"""

import base64
import fcntl
import os
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from promote.config.engines import write_private
from promote.keys.keyring import PURPOSES

NOWHERE = "http://127.0.0.1:9"


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
        if missing:
            found |= missing
            write_private(file, "".join(f"{name}={value}\n" for name, value in found.items()))
    return found


def unreachable_providers(environment: Mapping[str, str]) -> dict[str, str]:
    """Addresses for providers of which nothing is set: keys made here must never reach a real one."""
    return {
        f"{prefix}_API_BASE": NOWHERE
        for prefix in ("PAYPAL", "DOKU", "TWOC2P")
        if not any(name.startswith(f"{prefix}_") for name in environment)
    }


def _wanted() -> dict[str, Callable[[], str]]:
    return {
        **{f"PROMOTE_KEY_{purpose.upper()}": _key for purpose in PURPOSES},
        "STRIPE_SECRET_KEY": lambda: f"sk_test_{secrets.token_hex(24)}",
        "STRIPE_WEBHOOK_SECRETS": lambda: f"whsec_{base64.b64encode(secrets.token_bytes(24)).decode()}",
        "PAYPAL_CLIENT_ID": lambda: f"A{secrets.token_hex(24)}",
        "PAYPAL_CLIENT_SECRET": lambda: f"E{secrets.token_hex(24)}",
        "PAYPAL_WEBHOOK_ID": lambda: f"WH-{secrets.token_hex(8)}",
        "DOKU_CLIENT_ID": lambda: f"BRN-{secrets.randbelow(10**13):013d}",
        "DOKU_SECRET_KEY": lambda: f"SK-{secrets.token_hex(16)}",
        "DOKU_PARTNER_SERVICE_ID": lambda: "88899",
        "TWOC2P_MERCHANT_ID": lambda: f"JT{secrets.randbelow(10**6):06d}",
        "TWOC2P_SECRET_KEY": lambda: secrets.token_hex(32),
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


def _private(key: rsa.RSAPrivateKey) -> str:
    form = serialization.PrivateFormat.PKCS8
    der = key.private_bytes(serialization.Encoding.DER, form, serialization.NoEncryption())
    return base64.b64encode(der).decode()


def _public(key: rsa.RSAPrivateKey) -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return base64.b64encode(key.public_key().public_bytes(serialization.Encoding.DER, form)).decode()


def _key() -> str:
    return f"dev1:{base64.b64encode(secrets.token_bytes(32)).decode()}"
