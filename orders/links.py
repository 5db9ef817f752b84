"""Where an order may send people: a public https page, and nothing that is a door into somebody's network."""

import re
from ipaddress import ip_address
from urllib.parse import urlsplit, urlunsplit

import idna
from django.utils.translation import gettext_lazy as _

from promote.refusals import Text

MOST_CHARACTERS = 2000
LOCAL_NAMES = ("localhost", "local", "localdomain", "internal", "intranet", "lan", "home", "corp", "home.arpa")
"""Top names that only mean something inside a network (RFC 6761, 6762, 8375, ICANN's name collisions)."""
_UNSAFE = re.compile(r"[\x00-\x20\x7f\\<>\"^`{|}]|\s")
_IPV4 = re.compile(r"\d{1,3}(\.\d{1,3}){3}", re.ASCII)


class BadLink(ValueError):
    """`code` for programs, `detail` for people."""

    def __init__(self, code: str, detail: Text) -> None:
        self.code, self.detail = code, detail
        super().__init__(code)


def checked(url: str) -> str:
    """The address with its host in lower-case ASCII. Raises BadLink where it is not a public https page."""
    if len(url) > MOST_CHARACTERS:
        raise BadLink("too_long", _("The address is longer than 2,000 characters. Use a shorter one."))
    if _UNSAFE.search(url):
        raise _malformed()
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise _malformed() from None
    if parts.scheme.lower() != "https":
        raise BadLink("not_https", _("The address must start with https://."))
    if "@" in parts.netloc:
        raise BadLink("credentials", _("Leave out the user name and password before the host."))
    host = _public_host(host)
    netloc = host if port in (None, 443) else f"{host}:{port}"
    safe = urlunsplit(("https", netloc, parts.path, parts.query, parts.fragment))
    if len(safe) > MOST_CHARACTERS or port == 0:
        raise _malformed()
    return safe


def _public_host(host: str) -> str:
    if not host or ":" in host or "%" in host:
        raise BadLink("host", _("Name the page by its host, as shop.example.com, and not by a number."))
    try:
        # The same mapping as browsers': full-width digits and dots become plain ones before anything is judged.
        ascii_host = idna.encode(host.rstrip("."), uts46=True, std3_rules=True, transitional=False).decode()
    except (idna.IDNAError, UnicodeError):
        if not _IPV4.fullmatch(host):
            raise BadLink("host", _("This host can't exist. Check its spelling.")) from None
        ascii_host = host
    ascii_host = ascii_host.lower()
    labels = ascii_host.split(".")
    if labels[-1].isdigit() or re.fullmatch(r"0x[0-9a-f]*", labels[-1]):
        return _public_address(ascii_host)
    if any(ascii_host == name or ascii_host.endswith(f".{name}") for name in LOCAL_NAMES):
        raise BadLink("private", _("This address is only reachable inside a network. Use a public one."))
    if len(labels) < 2:
        raise BadLink("host", _("Write the whole host, as shop.example.com."))
    return ascii_host


def _public_address(host: str) -> str:
    """A host that browsers read as a number: allowed only as four plain decimal parts of a public address."""
    try:
        address = ip_address(host)
    except ValueError:
        raise BadLink("host", _("Name the page by its host, as shop.example.com, and not by a number.")) from None
    if not address.is_global or address.is_multicast:
        raise BadLink("private", _("This address is only reachable inside a network. Use a public one."))
    return str(address)


def _malformed() -> BadLink:
    return BadLink("malformed", _("This is not a web address. Copy it from the browser's address bar."))
