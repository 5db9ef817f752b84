"""What DOKU tells the merchant: it fetches a token of theirs first, then calls with that and a signature of its own."""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from sandbox.providers.doku import signing
from sandbox.providers.doku.states import state_of
from sandbox.providers.plumbing.outbox import Message, NotSent, Target, post

if TYPE_CHECKING:
    from sandbox.providers.doku.doku import Doku

_TOKEN = "/authorization/v1/access-token/b2b"  # noqa: S105  (a path)


def compose(doku: Doku, target: Target, event: dict[str, Any]) -> Message:
    """Raises NotSent where the merchant gives no token."""
    payment = doku.payment(event["payload"]["payment"])
    if payment is None:
        raise NotSent("the payment is gone")
    is_transfer = payment["way"] == "transfer"
    body = json.dumps(_transfer(payment) if is_transfer else debit(payment), separators=(",", ":")).encode()
    base = target.url.rstrip("/")
    url = base + ("/v1/transfer-va/payment" if is_transfer else "/v1.0/debit/notify")
    token, timestamp = _token(doku, base), signing.now()
    headers = {
        "Content-Type": "application/json",
        "Authorization": f"Bearer {token}",
        "X-PARTNER-ID": doku.client_id,
        "X-EXTERNAL-ID": str(int(event["id"][4:16], 16)),
        "X-TIMESTAMP": timestamp,
        "X-SIGNATURE": signing.mac(doku.secret, urlsplit(url).path, token, body, timestamp),
        "CHANNEL-ID": "H2H",
    }
    return Message(url, headers, body)


def _token(doku: Doku, base: str) -> str:
    timestamp = signing.now()
    headers = {
        "Content-Type": "application/json",
        "X-CLIENT-KEY": doku.client_id,
        "X-TIMESTAMP": timestamp,
        "X-SIGNATURE": signing.sign(doku.private_key, f"{doku.client_id}|{timestamp}"),
    }
    answer = post(Message(base + _TOKEN, headers, b'{"grantType":"client_credentials","additionalInfo":""}'))
    try:
        token = json.loads(answer.body)["accessToken"]
    except (ValueError, KeyError, TypeError):
        raise NotSent(f"no token: {answer.status}") from None
    return str(token)


def _transfer(payment: dict[str, Any]) -> dict[str, Any]:
    return {
        **payment["account"],
        "virtualAccountName": "Promote",
        "trxId": payment.get("told_as", payment["id"]),
        "paymentRequestId": payment["paid"]["id"],
        "paidAmount": payment["paid"]["amount"],
        "trxDateTime": payment["paid"]["at"],
        "additionalInfo": {"channel": payment["channel"], "senderName": f"PAYER {secrets.token_hex(2)}"},
    }


def debit(payment: dict[str, Any]) -> dict[str, Any]:
    """The fields that the notice and the status share."""
    state = state_of(payment)
    words = {"00": "SUCCESS", "01": "INITIATED", "04": "REFUNDED", "05": "CANCELLED", "06": "FAILED"}
    over = state == "05" and payment["status"] != "05"
    return {
        "responseCode": "2005500",
        "responseMessage": "Successful",
        "originalPartnerReferenceNo": payment.get("told_as", payment["id"]),
        "originalReferenceNo": payment["reference"],
        "originalExternalId": payment["id"][:32],
        "latestTransactionStatus": state,
        "transactionStatusDesc": "EXPIRED" if over else words[state],
        "amount": (payment["paid"] or payment)["amount"],
        "additionalInfo": {"channelId": payment["channel"]},
        **({"refundHistory": payment["refunds"]} if payment.get("refunds") else {}),
    }
