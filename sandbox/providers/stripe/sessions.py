"""Checkout Sessions: one payment each, paid on the hosted page, open for at most 24 hours."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

from . import customers, ids, lists
from .errors import invalid
from .world import Call, World

MIN_LIFE_S, MAX_LIFE_S = 30 * 60, 24 * 3600

# digits that an amount in minor units may have, as documented; of other currencies eight
_MOST_DIGITS = {"cop": 10, "huf": 10, "idr": 12, "inr": 9, "jpy": 10, "lbp": 10}

# the least a charge may be, in minor units, as documented; other currencies are judged by their worth in dollars
_LEAST = {"usd": 50, "aed": 200, "aud": 50, "brl": 50, "cad": 50, "eur": 50, "gbp": 30, "jpy": 50, "myr": 200,
          "pln": 200, "thb": 1000}  # fmt: skip


def create(world: World, asked: dict[str, Any], call: Call) -> dict[str, Any]:
    _only_hosted_payments(asked)
    items, currency = _line_items(asked.get("line_items"))
    if not _types(asked):
        raise invalid("No valid payment method types for this Checkout Session.", param="allowed_payment_method_types")
    total = sum(item["amount_total"] for item in items)
    _amount(total, currency)
    _metadata(asked.get("metadata"), "metadata")
    intent_data = asked.get("payment_intent_data", {})
    _metadata(intent_data.get("metadata"), "payment_intent_data[metadata]")
    now = world.now()
    customer = customers.must_exist(world, asked["customer"]) if "customer" in asked else None
    id_ = ids.new("cs_test")
    body = _body(asked, now) | {
        "id": id_,
        "amount_subtotal": total,
        "amount_total": total,
        "currency": currency,
        "expires_at": _expires_at(asked.get("expires_at"), now),
        "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
        "url": f"{world.base_url}/c/pay/{id_}",
    }
    if customer:
        body["customer_details"] = payer(customer["email"], customer["name"])
    world.store.insert("checkout.session", body)
    world.store.keep(id_, {"payment_intent_data": intent_data})
    for position, item in enumerate(items):
        sql = "INSERT INTO line_items (session, position, body) VALUES (?, ?, ?)"
        world.store.execute(sql, (id_, position, json.dumps(item)))
    return body


def expire(world: World, body: dict[str, Any], call: Call | None = None) -> dict[str, Any]:
    if body["status"] != "open":
        raise invalid(
            'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout Session has a status of '
            f"{body['status']}."
        )
    world.store.update(body, status="expired", url=None)
    world.emit("checkout.session.expired", body, call)
    return body


def expire_due(world: World) -> None:
    """Close what nobody paid in time. Run by the server's own clock, and before a session is shown or read."""
    with world.store.transaction():
        for body in world.store.find("checkout.session", where="json_extract(body, '$.status') = 'open'"):
            if body["expires_at"] <= world.now():
                expire(world, body)


def line_items(world: World, id_: str) -> dict[str, Any]:
    rows = world.store.execute("SELECT body FROM line_items WHERE session = ? ORDER BY position", (id_,))
    url = f"/v1/checkout/sessions/{id_}/line_items"
    return {"object": "list", "url": url, "has_more": False, "data": [json.loads(body) for (body,) in rows]}


def shown(world: World, body: dict[str, Any], expand: list[str]) -> dict[str, Any]:
    if "line_items" in expand:
        body["line_items"] = line_items(world, body["id"])
    return lists.expand(world.store, body, [path for path in expand if path != "line_items"])


def _only_hosted_payments(asked: dict[str, Any]) -> None:
    if asked.get("mode", "payment") != "payment":
        raise invalid("This stand-in knows mode=payment only.", param="mode")
    if asked.get("ui_mode", "hosted_page") != "hosted_page":
        raise invalid("This stand-in knows ui_mode=hosted_page only.", param="ui_mode")
    if "success_url" not in asked:
        raise invalid("Missing required param: success_url.", param="success_url", code="parameter_missing")
    for name in ("success_url", "cancel_url"):
        url = urlsplit(asked.get(name) or "https://example.com")
        if url.scheme not in ("http", "https") or not url.netloc:
            raise invalid("Not a valid URL", param=name, code="url_invalid")
    allowed = asked.get("allowed_payment_method_types", ["card"])
    if not set(allowed) & {"card", "us_bank_account"}:
        raise invalid("No valid payment method types for this Checkout Session.", param="allowed_payment_method_types")
    if "saved_payment_method_options" in asked and "customer" not in asked:
        message = "`saved_payment_method_options` needs a customer whose payment methods are saved."
        raise invalid(message, param="saved_payment_method_options")
    if "customer" in asked and "customer_creation" in asked:
        message = "You may only specify one of these parameters: customer, customer_creation."
        raise invalid(message, param="customer_creation")
    if "customer" in asked and "customer_email" in asked:
        raise invalid("You may only specify one of these parameters: customer, customer_email.", param="customer")


def _line_items(asked: list[dict[str, Any]] | None) -> tuple[list[dict[str, Any]], str]:
    if not asked:
        raise invalid("Missing required param: line_items.", param="line_items", code="parameter_missing")
    items, currency = [], None
    for place, item in enumerate(asked):
        where = f"line_items[{place}]"
        price = item.get("price_data")
        if price is None or "unit_amount" not in price or "product_data" not in price:
            raise invalid("This stand-in knows price_data with unit_amount and product_data only.", param=where)
        if price["unit_amount"] < 0:
            message = "This value must be greater than or equal to 0."
            raise invalid(message, param=f"{where}[price_data][unit_amount]", code="parameter_invalid_integer")
        if item.get("quantity", 1) < 1:
            raise invalid("This value must be greater than or equal to 1.", param=f"{where}[quantity]")
        code = price["currency"].lower()
        if len(code) != 3 or not code.isalpha():
            raise invalid(f"Invalid currency: {code}.", param=f"{where}[price_data][currency]")
        if currency not in (None, code):
            raise invalid("All prices on a Checkout Session must use the same currency.", param=where)
        currency = code
        items.append(_line_item(item, price, code))
    return items, currency or ""


def _line_item(item: dict[str, Any], price: dict[str, Any], currency: str) -> dict[str, Any]:
    quantity = item.get("quantity", 1)
    amount = price["unit_amount"] * quantity
    return {
        "id": ids.new("li"),
        "object": "item",
        "amount_discount": 0,
        "amount_subtotal": amount,
        "amount_tax": 0,
        "amount_total": amount,
        "currency": currency,
        "description": price["product_data"]["name"],
        "quantity": quantity,
    }


def _amount(total: int, currency: str) -> None:
    least = _LEAST.get(currency, 1)
    if total < least:
        message = f"The Checkout Session's total amount due must add up to at least {least} {currency} in minor units"
        raise invalid(message, code="amount_too_small")
    most = 10 ** _MOST_DIGITS.get(currency, 8) - 1
    if total > most:
        message = f"The Checkout Session's total amount due must be no more than {most} {currency} in minor units"
        raise invalid(message, code="amount_too_large")


def _metadata(metadata: dict[str, str] | None, param: str) -> None:
    for key, value in (metadata or {}).items():
        if len(key) > 40 or len(value) > 500:
            raise invalid("Metadata keys hold up to 40 characters, values up to 500.", param=f"{param}[{key[:40]}]")
    if len(metadata or {}) > 50:
        raise invalid("Metadata holds up to 50 keys.", param=param)


def _expires_at(asked: int | None, now: int) -> int:
    if asked is None:
        return now + MAX_LIFE_S
    # A little grace: the caller's clock and the way here take a moment.
    if asked < now + MIN_LIFE_S - 60:
        message = "The `expires_at` timestamp must be at least 30 minutes from Checkout Session creation."
        raise invalid(message, param="expires_at")
    if asked > now + MAX_LIFE_S + 60:
        message = "The `expires_at` timestamp must be less than 24 hours from Checkout Session creation."
        raise invalid(message, param="expires_at")
    return asked


def _types(asked: dict[str, Any]) -> list[str]:
    """Those of the allowed ones that fit: an ACH debit is for dollars, silently left out otherwise, as Stripe does."""
    currency = asked["line_items"][0]["price_data"]["currency"].lower()
    fitting = ["card", "us_bank_account"] if currency == "usd" else ["card"]
    return [type_ for type_ in asked.get("allowed_payment_method_types", ["card"]) if type_ in fitting]


def payer(email: str | None, name: str | None) -> dict[str, Any]:
    return {
        "address": None,
        "business_name": None,
        "email": email,
        "individual_name": None,
        "name": name,
        "phone": None,
        "tax_exempt": "none",
        "tax_ids": None,
    }


def _body(asked: dict[str, Any], now: int) -> dict[str, Any]:
    email = asked.get("customer_email")
    return {
        "object": "checkout.session",
        "adaptive_pricing": {"enabled": False},
        "after_expiration": None,
        "allow_promotion_codes": None,
        "allowed_payment_method_types": asked.get("allowed_payment_method_types"),
        "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
        "billing_address_collection": asked.get("billing_address_collection"),
        "cancel_url": asked.get("cancel_url"),
        "client_reference_id": asked.get("client_reference_id"),
        "client_secret": None,
        "collected_information": None,
        "consent": None,
        "consent_collection": None,
        "created": now,
        "currency_conversion": None,
        "custom_fields": [],
        "custom_text": dict.fromkeys(("after_submit", "shipping_address", "submit", "terms_of_service_acceptance")),
        "customer": asked.get("customer"),
        "customer_account": None,
        "customer_creation": asked.get("customer_creation", "if_required"),
        "customer_details": payer(email, None) if email else None,
        "customer_email": email,
        "discounts": [],
        "excluded_payment_method_types": asked.get("excluded_payment_method_types"),
        "integration_identifier": asked.get("integration_identifier"),
        "invoice": None,
        "invoice_creation": None,
        "livemode": False,
        "locale": asked.get("locale"),
        "metadata": asked.get("metadata") or {},
        "mode": "payment",
        "origin_context": asked.get("origin_context"),
        "payment_intent": None,
        "payment_link": None,
        "payment_method_collection": "if_required",
        "payment_method_configuration_details": None,
        "payment_method_options": {"card": {"request_three_d_secure": "automatic"}},
        "payment_method_types": _types(asked),
        "payment_status": "unpaid",
        "permissions": None,
        "phone_number_collection": {"enabled": False},
        "recovered_from": None,
        "saved_payment_method_options": asked.get("saved_payment_method_options"),
        "setup_intent": None,
        "shipping_address_collection": None,
        "shipping_cost": None,
        "shipping_options": [],
        "status": "open",
        "submit_type": asked.get("submit_type"),
        "subscription": None,
        "success_url": asked["success_url"],
        "ui_mode": "hosted_page",
        "wallet_options": None,
    }
