"""What a development system makes for itself: its secrets, once a data folder, in a file only its owner reads."""

import base64
import fcntl
import os
import secrets
from collections.abc import Callable
from pathlib import Path

from promote.config.engines import write_private
from promote.keys.keyring import PURPOSES


def secrets_of(data: Path) -> dict[str, str]:
    """The keys of every purpose and the sandbox payment server's, made at the first call. For development only."""
    data.mkdir(parents=True, exist_ok=True)
    file = data / "keys.env"
    with os.fdopen(os.open(data / "keys.lock", os.O_CREAT | os.O_WRONLY, 0o600), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        found = dict(line.split("=", 1) for line in file.read_text().splitlines()) if file.exists() else {}
        missing = {name: make() for name, make in _wanted().items() if name not in found}
        if missing:
            found |= missing
            write_private(file, "".join(f"{name}={value}\n" for name, value in found.items()))
    return found


def _wanted() -> dict[str, Callable[[], str]]:
    return {
        **{f"PROMOTE_KEY_{purpose.upper()}": _key for purpose in PURPOSES},
        "STRIPE_SECRET_KEY": lambda: f"sk_test_{secrets.token_hex(24)}",
        "STRIPE_WEBHOOK_SECRETS": lambda: f"whsec_{base64.b64encode(secrets.token_bytes(24)).decode()}",
    }


def _key() -> str:
    return f"dev1:{base64.b64encode(secrets.token_bytes(32)).decode()}"
