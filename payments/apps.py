from typing import TYPE_CHECKING

from django.apps import AppConfig
from django.conf import settings

if TYPE_CHECKING:
    from payments.gateways.base import Gateway


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

        if settings.STRIPE_SECRET_KEY:
            gateways.offer("stripe", _stripe, methods={"card"})


def _stripe() -> "Gateway":
    from payments.gateways.stripe import StripeGateway

    return StripeGateway(
        secret_key=settings.STRIPE_SECRET_KEY,
        webhook_secrets=settings.STRIPE_WEBHOOK_SECRETS,
        api_base=settings.STRIPE_API_BASE,
    )
