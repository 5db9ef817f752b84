"""`/_ctl/…`: what a test does to Stripe's world beside what it can do to any stand-in's (../plumbing/control.py).

Opened by the same secret key as the API; no provider has it.

| call | body | does |
|---|---|---|
| `POST /_ctl/slow` | `{seconds}` | how long a POST to the API takes, while its idempotency key is held |
| `POST /_ctl/sessions/{id}/pay` | `{number?, late?}` and fields to falsify | pays without the page, also wrongly |
| `POST /_ctl/sessions/{id}/lapse` | | the session's time is over |
| `POST /_ctl/sessions/{id}/settle` | `{failure?}` | the bank's answer to a debit |
| `POST /_ctl/sessions/{id}/warn` | | the card network warns of fraud |
| `POST /_ctl/charges/{id}/dispute` | `{amount?}` | the payer's bank takes the money back |
| `POST /_ctl/disputes/{id}/close` | `{won}` | how the bank decided |
| `POST /_ctl/refunds/{id}/fail` | `{reason?}` | the money of a refund comes back |
| `POST /_ctl/payment_methods/{id}/behave` | `{declines?, is_slow?}` | what a saved card's bank does from now on |
| `POST /_ctl/payment_intents/{id}/authenticate` | `{passes?}` | a payer answers their bank in the app, or can't |
| `POST /_ctl/payouts` | `{currency}` | the balance goes to the bank |
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from sandbox.providers.plumbing import control
from sandbox.providers.plumbing.server import Request, Response
from sandbox.providers.stripe import (
    cards,
    checkout,
    debits,
    disputes,
    off_session,
    on_session,
    payouts,
    refunds,
    sessions,
)
from sandbox.providers.stripe.api import authenticate
from sandbox.providers.stripe.errors import ApiError, invalid
from sandbox.providers.stripe.world import World


def answer(world: World, request: Request) -> Response:
    try:
        authenticate(world, request.headers.get("authorization", ""))
        asked = control.body_of(request)
        known = control.act(world, request, asked)
        if known is None:
            with world.store.transaction():
                known = _act(world, request, asked)
        return Response(200, known)
    except control.Told as told:
        error = invalid(str(told))
    except ApiError as refusal:
        error = refusal
    return Response(error.status, error.body("req_control"))


def _act(world: World, request: Request, asked: dict[str, Any]) -> dict[str, Any]:
    call = f"{request.method} {request.path}"
    if call == "POST /_ctl/slow":
        world.slow_s = float(asked["seconds"])
        return asked
    if call == "POST /_ctl/payouts":
        return payouts.pay_out(world, str(asked.get("currency", "usd")))
    found = re.fullmatch(
        r"POST /_ctl/(sessions|charges|disputes|refunds|payment_methods|payment_intents)/(\w+)/(\w+)", call
    )
    act = _ACTS.get((found[1], found[3])) if found else None
    if found is None or act is None:
        raise ApiError(404, "invalid_request_error", f"Unrecognized control call ({call[:200]}).")
    return act(world, found[2], asked)


def _pay(world: World, id_: str, asked: dict[str, Any]) -> dict[str, Any]:
    session = checkout.find(world, id_)
    changes = {name: asked[name] for name in ("amount_total", "currency", "client_reference_id") if name in asked}
    if asked.get("late"):
        changes |= {"status": "open", "expires_at": world.now() + 60}
    world.store.update(session, **changes)
    entered = cards.read(number=asked.get("number", "4242424242424242"), expiry="12/40", cvc="123")
    outcome = checkout.pay(world, id_, entered, email=None, name="Control")
    return {"state": outcome.state, "message": outcome.message}


def _lapse(world: World, id_: str, _: dict[str, Any]) -> dict[str, Any]:
    session = checkout.find(world, id_)
    world.store.update(session, expires_at=world.now())
    sessions.expire_due(world)
    return {"status": "expired"}


_ACTS: dict[tuple[str, str], Callable[[World, str, dict[str, Any]], dict[str, Any]]] = {
    ("sessions", "pay"): _pay,
    ("sessions", "lapse"): _lapse,
    ("sessions", "settle"): lambda world, id_, asked: debits.settle(world, id_, failure=asked.get("failure")),
    ("sessions", "warn"): lambda world, id_, _: disputes.warn(world, id_),
    ("charges", "dispute"): lambda world, id_, asked: disputes.open_(world, id_, asked.get("amount")),
    ("disputes", "close"): lambda world, id_, asked: disputes.close(world, id_, won=bool(asked.get("won"))),
    ("payment_methods", "behave"): off_session.control,
    ("payment_intents", "authenticate"): on_session.authenticate,
    ("refunds", "fail"): lambda world, id_, asked: refunds.fail(world, id_, **asked),
}
