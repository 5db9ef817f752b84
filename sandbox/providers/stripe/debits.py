"""Debits of US bank accounts (ACH): accepted at once, paid or returned days later; here when a test or a clock says so.

The accounts are Stripe's published test accounts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from . import charges, checkout, ids, intents, sessions
from .errors import ApiError
from .world import World

TYPE = "us_bank_account"


@dataclass(frozen=True)
class TestAccount:
    number: str
    note: str
    failure: str | None = None


ACCOUNTS = (
    TestAccount("000123456789", "Pays"),
    TestAccount("000222222227", "Returned: insufficient funds", "insufficient_funds"),
    TestAccount("000111111113", "Returned: the account is closed", "account_closed"),
)
_BY_NUMBER = {account.number: account for account in ACCOUNTS}
_SENTENCES = {
    "insufficient_funds": "The customer's account has insufficient funds to cover this payment.",
    "account_closed": "The customer's bank account has been closed.",
}


def accept(world: World, id_: str, number: str) -> bool:
    """The payer named an account: the debit is on its way. False where the session is not open for it."""
    with world.store.transaction():
        session = checkout.find(world, id_)
        account = _BY_NUMBER.get(number)
        if session["status"] != "open" or account is None or TYPE not in session["payment_method_types"]:
            return False
        session["customer_details"] = sessions.payer(None, None)
        intent = intents.open_for(world, session)
        method = _method(world, account)
        world.store.update(intent, status="processing", payment_method=method["id"])
        world.store.keep(intent["id"], {"failure": account.failure, "session": id_, "accepted_at": world.now()})
        world.store.update(session, status="complete", payment_status="unpaid", url=None)
        world.emit("payment_intent.processing", intent)
        world.emit("checkout.session.completed", session)
        return True


def settle(world: World, id_: str, *, failure: str | None = None) -> dict[str, Any]:
    """The bank's answer: the money is final, or it came back. Once."""
    with world.store.transaction():
        session = checkout.find(world, id_)
        intent = world.store.get("payment_intent", session["payment_intent"] or "")
        if intent is None or intent["status"] != "processing":
            raise ApiError(400, "invalid_request_error", "No debit of this session is under way.")
        failure = failure or world.store.kept(intent["id"]).get("failure")
        method = world.store.get("payment_method", intent["payment_method"])
        if method is None:
            raise ApiError(400, "invalid_request_error", "The debit has no account.")
        if failure:
            _return(world, session, intent, method, failure)
        else:
            charge = charges.make(world, intent, method, None)
            intents.succeed(world, intent, method, charge["id"])
            world.store.update(session, payment_status="paid")
            world.emit("checkout.session.async_payment_succeeded", session)
        return {"status": intent["status"]}


def settle_due(world: World) -> None:
    """In the demo the days of a debit are seconds."""
    after = world.debits_settle_after_s
    if after is None:
        return
    waiting = world.store.find("payment_intent", where="json_extract(body, '$.status') = 'processing'")
    for intent in waiting:
        kept = world.store.kept(intent["id"])
        if kept.get("accepted_at", 0) + after <= world.now():
            settle(world, kept["session"])


def _return(
    world: World, session: dict[str, Any], intent: dict[str, Any], method: dict[str, Any], failure: str
) -> None:
    charge = charges.make(world, intent, method, failure)
    error = {
        "charge": charge["id"],
        "code": failure,
        "message": _SENTENCES.get(failure, "The bank returned this debit."),
        "payment_method": method,
        "type": "invalid_request_error",
    }
    intents.fail(world, intent, error, charge["id"])
    world.emit("checkout.session.async_payment_failed", session)


def _method(world: World, account: TestAccount) -> dict[str, Any]:
    body = {
        "id": ids.new("pm"),
        "object": "payment_method",
        "allow_redisplay": "limited",
        "billing_details": checkout.billing(None, None),
        "created": world.now(),
        "customer": None,
        "livemode": False,
        "metadata": {},
        "type": TYPE,
        TYPE: {
            "account_holder_type": "individual",
            "account_type": "checking",
            "bank_name": "STRIPE TEST BANK",
            "last4": account.number[-4:],
            "networks": {"preferred": "ach", "supported": ["ach"]},
            "routing_number": "110000000",
            "status_details": None,
        },
    }
    world.store.insert("payment_method", body)
    return body
