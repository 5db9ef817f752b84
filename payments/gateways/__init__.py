"""The payment providers that can be used here. `PaymentsConfig.ready` offers those that settings give keys for."""

from collections.abc import Callable, Mapping

from payments.gateways.base import Gateway

Build = Callable[[], Gateway]

METHODS: Mapping[str, frozenset[str]] = {
    "apple": frozenset({"apple"}),
    "google": frozenset({"google"}),
    "stripe": frozenset({"card", "direct_debit"}),
    "paypal": frozenset({"paypal", "paypal_reference"}),
    "doku": frozenset({"dana", "ovo", "doku_bank_transfer"}),
    "bank_transfer": frozenset({"offline_bank_transfer"}),
    "2c2p": frozenset({"rabbit_line_pay", "truemoney", "2c2p_bank_transfer"}),
}
"""What each adapter of ours can carry. Which of it a market offers is ops' to say, by rows."""

_offered: dict[str, Build] = {}
_built: dict[str, Gateway] = {}


class NoSuchGateway(Exception):
    """No gateway of this name is built, or it has no keys here."""


def offer(name: str, build: Build) -> None:
    """Makes a gateway available; it is built when first asked for: an SDK loads slowly."""
    _offered[name] = build
    _built.pop(name, None)


def withdraw(name: str) -> None:
    """Takes a gateway away again, as where its keys are missing."""
    _offered.pop(name, None)
    _built.pop(name, None)


def names() -> list[str]:
    """Those that can be used here."""
    return sorted(_offered)


def has_keys(name: str) -> bool:
    return name in _offered


def named(name: str) -> Gateway:
    """Raises NoSuchGateway."""
    if name not in _offered:
        raise NoSuchGateway(name)
    if name not in _built:
        _built[name] = _offered[name]()
    return _built[name]


def carries(name: str, method: str) -> bool:
    """Whether a payment by `method` can be started through the gateway."""
    return name in _offered and method in METHODS.get(name, ())
