"""Stripe's notices: the event itself, signed anew at each attempt."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from typing import Any

from sandbox.providers.plumbing.outbox import Message, Target


def signature(payload: bytes, secrets: list[str], at: int) -> str:
    """The `Stripe-Signature` header: `t=…,v1=…`, one v1 per secret."""
    signed = f"{at}.".encode() + payload
    marks = [hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest() for secret in secrets]
    return ",".join([f"t={at}", *(f"v1={mark}" for mark in marks)])


def compose(target: Target, event: dict[str, Any]) -> Message:
    payload = json.dumps(event, indent=2).encode()
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        "Stripe-Signature": signature(payload, target.secrets, int(time.time())),
    }
    return Message(target.url, headers, payload)
