"""The page that an event came from, by its host: what a browser names as `Referer`, an app by `android-app://`."""

import re
from collections.abc import Iterator
from functools import lru_cache
from urllib.parse import urlsplit

HOST_MAX = 253
_HOST = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*")


@lru_cache(maxsize=50_000)
def host(text: str) -> str:
    """In small letters, as DNS has it. Empty: it names none."""
    text = text.strip()
    try:
        found = (urlsplit(text if "//" in text else f"//{text}").hostname or "").rstrip(".")
        name = found if found.isascii() else found.encode("idna").decode("ascii")
    except (ValueError, UnicodeError):
        return ""
    return name if len(name) <= HOST_MAX and _HOST.fullmatch(name) else ""


def hosts_above(text: str) -> Iterator[str]:
    """Its host, and those that it lies below."""
    parts = name.split(".") if (name := host(text)) else []
    return (".".join(parts[at:]) for at in range(len(parts)))
