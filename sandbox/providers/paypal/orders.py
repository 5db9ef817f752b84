"""What an order may say, as Orders v2 documents it, and the refusals for what it may not."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from sandbox.providers.plumbing.stand_in import Refused

# Documented names, a level each; what is none of them is refused.
_ORDER = {"intent", "purchase_units", "payment_source", "processing_instruction"}
_UNIT = {"reference_id", "custom_id", "invoice_id", "description", "soft_descriptor", "amount", "payee", "items"}
_PAYPAL = {"experience_context", "attributes", "vault_id", "stored_credential", "email_address", "name", "phone"}
_CONTEXT = {"brand_name", "locale", "shipping_preference", "user_action", "landing_page", "return_url", "cancel_url",
            "payment_method_preference", "contact_preference", "order_update_callback_config"}  # fmt: skip
_VAULT = {
    "store_in_vault",
    "usage_type",
    "customer_type",
    "description",
    "usage_pattern",
    "permit_multiple_payment_tokens",
}
_CREDENTIAL = {"payment_initiator", "usage", "usage_pattern", "charge_pattern"}
_CURRENCIES = {"AUD", "BRL", "CAD", "CNY", "CZK", "DKK", "EUR", "GBP", "HKD", "HUF", "ILS", "JPY", "MYR", "MXN", "NOK",
               "NZD", "PHP", "PLN", "SEK", "SGD", "CHF", "THB", "TWD", "USD"}  # fmt: skip
_WHOLE = {"HUF", "JPY", "TWD"}
_LONGEST = {"reference_id": 256, "custom_id": 255, "invoice_id": 127, "description": 127}


def problem(status: int, name: str, issue: str, field: str = "") -> Refused:
    """PayPal's error: a name, and a detail that says which field and what."""
    detail = {"issue": issue, "description": issue.replace("_", " ").capitalize() + "."}
    if field:
        detail["field"] = field
    return Refused(status, {"name": name, "message": "The request can't be processed.", "details": [detail]})


def invalid(issue: str, field: str) -> Refused:
    return problem(400, "INVALID_REQUEST", issue, field)


def unprocessable(issue: str, field: str = "") -> Refused:
    return problem(422, "UNPROCESSABLE_ENTITY", issue, field)


def check(asked: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The one purchase unit and the PayPal source of an order. Raises Refused."""
    known(asked, _ORDER, "")
    if asked.get("intent") not in ("CAPTURE", "AUTHORIZE"):
        raise invalid("INVALID_PARAMETER_VALUE", "/intent")
    units = asked.get("purchase_units")
    if not isinstance(units, list) or len(units) != 1 or not isinstance(units[0], dict):
        raise invalid("INVALID_ARRAY_MIN_ITEMS", "/purchase_units")
    unit = units[0]
    known(unit, _UNIT, "/purchase_units/@reference_id=='default'")
    for name, most in _LONGEST.items():
        if name in unit and not (isinstance(unit[name], str) and 0 < len(unit[name]) <= most):
            raise invalid("INVALID_STRING_LENGTH", f"/purchase_units/0/{name}")
    amount(unit.get("amount"), "/purchase_units/0/amount")
    sources = asked.get("payment_source")
    if not isinstance(sources, dict) or set(sources) != {"paypal"} or not isinstance(sources["paypal"], dict):
        raise unprocessable("PAYMENT_SOURCE_NOT_SUPPORTED", "/payment_source")
    source = sources["paypal"]
    _source(source)
    return unit, source


def _source(source: dict[str, Any]) -> None:
    known(source, _PAYPAL, "/payment_source/paypal")
    context = source.get("experience_context", {})
    known(context, _CONTEXT, "/payment_source/paypal/experience_context")
    if "vault_id" in source:
        credential = source.get("stored_credential", {})
        known(credential, _CREDENTIAL, "/payment_source/paypal/stored_credential")
        if credential.get("payment_initiator") not in ("CUSTOMER", "MERCHANT"):
            raise invalid("MISSING_REQUIRED_PARAMETER", "/payment_source/paypal/stored_credential/payment_initiator")
        return
    for name in ("return_url", "cancel_url"):
        url = urlsplit(context.get(name) or "")
        if url.scheme not in ("http", "https") or not url.netloc:
            raise invalid("INVALID_PARAMETER_SYNTAX", f"/payment_source/paypal/experience_context/{name}")
    vault = source.get("attributes", {}).get("vault")
    if vault is not None:
        known(vault, _VAULT, "/payment_source/paypal/attributes/vault")
        if vault.get("store_in_vault") != "ON_SUCCESS" or vault.get("usage_type") not in ("MERCHANT", "PLATFORM"):
            raise invalid("INVALID_PARAMETER_VALUE", "/payment_source/paypal/attributes/vault")


def amount(asked: Any, where: str) -> None:
    """Raises Refused."""
    if not isinstance(asked, dict) or not {"currency_code", "value"} <= set(asked):
        raise invalid("MISSING_REQUIRED_PARAMETER", where)
    currency, value = asked["currency_code"], asked["value"]
    if currency not in _CURRENCIES:
        raise unprocessable("CURRENCY_NOT_SUPPORTED", f"{where}/currency_code")
    if not isinstance(value, str) or not re.fullmatch(r"\d{1,28}(\.\d{1,2})?", value, re.ASCII):
        raise invalid("INVALID_PARAMETER_SYNTAX", f"{where}/value")
    if currency in _WHOLE and "." in value:
        raise unprocessable("DECIMALS_NOT_SUPPORTED", f"{where}/value")
    if not value.strip("0."):
        raise unprocessable("CANNOT_BE_ZERO_OR_NEGATIVE", f"{where}/value")


def known(found: Any, names: set[str], where: str) -> None:
    """Raises Refused for a name that is not documented."""
    if not isinstance(found, dict):
        raise invalid("INVALID_PARAMETER_SYNTAX", where)
    for name in found:
        if name not in names:
            raise invalid("INVALID_PARAMETER", f"{where}/{name}")
