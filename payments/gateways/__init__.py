"""The payment providers that can be used here. `PaymentsConfig.ready` offers those that settings give keys for."""

from collections.abc import Callable, Collection

from payments.gateways.base import Gateway

Build = Callable[[], Gateway]
_offered: dict[str, tuple[Build, frozenset[str]]] = {}
_built: dict[str, Gateway] = {}


class NoSuchGateway(Exception):
    """No gateway of this name is built, or it has no keys here."""


def offer(name: str, build: Build, *, methods: Collection[str]) -> None:
    """Makes a gateway available for these payment methods; it is built when first asked for: an SDK loads slowly."""
    _offered[name] = build, frozenset(methods)
    _built.pop(name, None)


def named(name: str) -> Gateway:
    """Raises NoSuchGateway."""
    if name not in _offered:
        raise NoSuchGateway(name)
    if name not in _built:
        _built[name] = _offered[name][0]()
    return _built[name]


def carries(name: str, method: str) -> bool:
    """Whether a payment by `method` can be started through the gateway."""
    return name in _offered and method in _offered[name][1]


def names() -> list[str]:
    """Those that can be used here."""
    return sorted(_offered)
