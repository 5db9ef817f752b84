import functools
import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.apps import AppConfig
from django.conf import settings

from promote.unforeseen import Misconfigured

if TYPE_CHECKING:
    from payments.gateways.base import Gateway

_MODULES = {
    "apple": "apple",
    "google": "google_play",
    "stripe": "stripe",
    "paypal": "paypal",
    "doku": "doku",
    "2c2p": "two_c_two_p",
    "bank_transfer": "bank_transfer",
}


class PaymentsConfig(AppConfig):
    name = "payments"

    def ready(self) -> None:
        from payments import gateways, inbox  # noqa: F401  (inbox subscribes to what it does)
        from payments.audit import (  # noqa: F401  (they register)
            block_checks,
            document_checks,
            ledger_checks,
            return_checks,
            wallet_checks,
        )

        for name, module in _MODULES.items():
            options: Any = settings.GATEWAYS[name]
            if options:
                gateways.offer(name, functools.partial(_build, module, options))
            if options and settings.PRODUCTION and not gateways.named(name).is_live:
                raise Misconfigured(f"{name} is in test mode; PROMOTE_ENV=production takes real money only.")


def _build(module: str, options: Mapping[str, Any]) -> "Gateway":
    gateway: Gateway = importlib.import_module(f"payments.gateways.{module}").build(options)
    return gateway
