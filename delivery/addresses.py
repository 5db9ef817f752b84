"""Where an address is: at a person's line, or where machines stand. Offline, from the providers' published ranges."""

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import iporigin

MACHINES = frozenset({iporigin.HOSTING, iporigin.BOT, iporigin.TOR})
"""Not relays and VPNs, nor the networks in front of them: people watch through those (Apple's Private Relay)."""
_MAPPED = bytes(10) + b"\xff\xff"
_V6_LINE_BITS = 64
"""One subscriber has the whole of it."""


@lru_cache(maxsize=50_000)
def why_not_billed(address: str) -> str:
    """`invalid_address`, `private_address`, `data_centre`, or nothing."""
    parsed = _parsed(address)
    if parsed is None:
        return "invalid_address"
    mapped = parsed.ipv4_mapped if isinstance(parsed, IPv6Address) else None
    whose = mapped or parsed
    if not whose.is_global:
        return "private_address"
    found = iporigin.classify(str(whose))  # type: ignore[no-untyped-call]
    return "data_centre" if found.kind in MACHINES else ""


@lru_cache(maxsize=50_000)
def line(address: str) -> bytes:
    """Whose line it is, in bytes: the address itself, of IPv6 the half that a subscriber has. Empty: it is none."""
    parsed = _parsed(address)
    if parsed is None:
        return b""
    if isinstance(parsed, IPv6Address):
        mapped = parsed.ipv4_mapped
        return mapped.packed if mapped else parsed.packed[: _V6_LINE_BITS // 8]
    return parsed.packed


@lru_cache(maxsize=50_000)
def whole(address: str) -> bytes:
    """The address in sixteen bytes, as IPv6 writes one of IPv4 too. Empty: it is none."""
    parsed = _parsed(address)
    if parsed is None:
        return b""
    return parsed.packed if isinstance(parsed, IPv6Address) else _MAPPED + parsed.packed


def reach(network: str) -> tuple[bytes, bytes]:
    """The first and the last address of a network, as `whole` has them. Raises ValueError where it is none."""
    parsed = ip_network(network)
    return whole(str(parsed[0])), whole(str(parsed[-1]))


@lru_cache(maxsize=50_000)
def _parsed(address: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(address)
    except ValueError:
        return None
