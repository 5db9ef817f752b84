"""Early warnings of fraud: asked of the provider when it gives notice, kept where finance sees them.

No money moves by one: where the payer's bank takes it back, a dispute follows (returns.py).
"""

import logging
from datetime import datetime

from payments import providers
from payments.gateways.base import Gateway, GatewayRefused, Warned, Warns
from payments.models import FraudWarning, TopUp

log = logging.getLogger(__name__)


def look(*, gateway: str, ref: str, now: datetime) -> FraudWarning:
    """Stores the warning `ref` as the provider has it now. Raises GatewayAway, GatewayRefused, NoSuchGateway."""
    told = providers.ask(gateway, lambda provider: _ask(provider, ref))
    top_up = TopUp.objects.filter(gateway=gateway, payment_ref=told.payment_ref).first() if told.payment_ref else None
    warning, is_new = FraudWarning.objects.update_or_create(
        gateway=gateway,
        ref=ref,
        defaults={
            "top_up": top_up,
            "payment_ref": told.payment_ref,
            "amount_minor": told.amount_minor,
            "currency": told.currency,
            "reason": told.reason,
            "status": told.status,
            "opened_at": told.opened_at,
            "asked_at": now,
        },
    )
    if is_new:
        log.error("early warning of fraud %s of %s: %s", warning, top_up or told.payment_ref, told.reason)
    return warning


def _ask(provider: Gateway, ref: str) -> Warned:
    if not isinstance(provider, Warns):
        raise GatewayRefused("this provider warns of nothing")
    return provider.warning(ref)
