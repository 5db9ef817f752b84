"""Customers: who a merchant says is paying."""

from __future__ import annotations

from typing import Any

from . import ids
from .errors import missing
from .world import Call, World


def create(world: World, asked: dict[str, Any], call: Call) -> dict[str, Any]:
    body = {
        "id": ids.new("cus"),
        "object": "customer",
        "address": asked.get("address") or None,
        "balance": 0,
        "business_name": asked.get("business_name"),
        "created": world.now(),
        "currency": None,
        "customer_account": None,
        "default_source": None,
        "delinquent": False,
        "description": asked.get("description"),
        "discount": None,
        "email": asked.get("email"),
        "individual_name": asked.get("individual_name"),
        "invoice_prefix": ids.text(8).upper(),
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": False,
        "metadata": asked.get("metadata") or {},
        "name": asked.get("name"),
        "next_invoice_sequence": 1,
        "phone": asked.get("phone"),
        "preferred_locales": asked.get("preferred_locales", []),
        "shipping": asked.get("shipping") or None,
        "tax_exempt": asked.get("tax_exempt") or "none",
        "test_clock": None,
    }
    world.store.insert("customer", body)
    world.emit("customer.created", body, call)
    return body


def must_exist(world: World, id_: str) -> dict[str, Any]:
    found = world.store.get("customer", id_)
    if found is None:
        raise missing("customer", id_, param="customer", status=400)
    return found
