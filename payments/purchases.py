"""A top-up as its provider is asked for it, and what the provider has its payer do next."""

import re

from django.utils.translation import gettext_lazy as _

from payments import saved_methods, saved_tokens
from payments.gateways.base import Purchase, Started
from payments.models import SavedMethod, TopUp
from promote.accounts.models import Account
from promote.money import format_coins
from promote.refusals import FieldError, Invalid

_PHONE = re.compile(r"\d{8,15}", re.ASCII)


def of(
    top_up: TopUp, *, account: Account, return_url: str, phone: str = "", saved: SavedMethod | None = None
) -> Purchase:
    """What the provider is asked for; `saved` is what pays."""
    back = return_url.replace("{top_up}", top_up.public_id)
    saves = bool(top_up.consent) and saved is None
    return Purchase(
        reference=top_up.public_id,
        method=top_up.method,
        title=format_coins(top_up.coins),
        amount_minor=top_up.amount_minor,
        currency=top_up.currency,
        language=account.language,
        return_url=back,
        cancel_url=back,
        expires_at=top_up.expires_at,
        payer=account.id.hex,
        phone=phone,
        saves=saves,
        saved=saved_tokens.opened(saved) if saved else "",
        payer_ref=_payer_ref(top_up, saved) if saved or saves else "",
        confirms_in_app=top_up.confirms_in_app,
    )


def _payer_ref(top_up: TopUp, saved: SavedMethod | None) -> str:
    return saved.payer_ref if saved else saved_methods.payer_ref(account=top_up.account, gateway=top_up.gateway)


def phone_of(text: str) -> str:
    """Its digits. Raises Invalid."""
    digits = re.sub(r"[\s().+-]", "", text)
    if not _PHONE.fullmatch(digits):
        told = _("Type the phone number of your wallet, with its country code: +62 812 3456 7890.")
        raise Invalid([FieldError("phone", "invalid" if text.strip() else "required", told)])
    return digits


def keep_next(top_up: TopUp, started: Started) -> None:
    """Keeps what the payer does next."""
    top_up.provider_ref = started.provider_ref
    top_up.redirect_url, top_up.client_secret = started.redirect_url, started.client_secret
    top_up.instructions = started.instructions.as_dict() if started.instructions else None
    top_up.save(update_fields=["redirect_url", "client_secret", "instructions", "provider_ref"])
