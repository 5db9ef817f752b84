"""`/_ctl/…`: what a test does to the world. Opened by the same secret key as the API; no provider has it.

| call | body | does |
|---|---|---|
| `POST /_ctl/webhook` | `{url?, secrets?, first_retry_s?}` | where notices go, and how they are signed |
| `POST /_ctl/faults` | the fields of `webhooks.Faults` | notices lost, doubled, late, out of order |
| `POST /_ctl/slow` | `{seconds}` | how long a POST to the API takes |
| `POST /_ctl/sessions/{id}/pay` | `{number?, late?}` and fields to falsify | pays without the page, also wrongly |
| `POST /_ctl/sessions/{id}/lapse` | | the session's time is over |
| `POST /_ctl/charges/{id}/dispute` | `{amount?}` | the payer's bank takes the money back |
| `POST /_ctl/disputes/{id}/close` | `{won}` | how the bank decided |
| `POST /_ctl/refunds/{id}/fail` | `{reason?}` | the money of a refund comes back |
| `POST /_ctl/payouts` | `{currency}` | the balance goes to the bank |
| `POST /_ctl/events/{id}/resend` | | the notice goes out again |
| `GET /_ctl/deliveries` · `GET /_ctl/requests` | | what was sent, what was asked |
"""

from __future__ import annotations

import json
import re
from typing import Any

from . import cards, checkout, disputes, payouts, refunds, sessions
from .api import Request, Response, authenticate
from .errors import ApiError, invalid
from .webhooks import Faults
from .world import World


def answer(world: World, request: Request) -> Response:
    try:
        authenticate(world, request.headers.get("authorization", ""))
        asked = _asked(request)
        return Response(200, _act(world, request, asked))
    except ApiError as error:
        return Response(error.status, error.body("req_control"))


def _asked(request: Request) -> dict[str, Any]:
    if not request.body:
        return {}
    try:
        asked = json.loads(request.body)
    except ValueError as error:
        raise invalid("The body is not JSON.") from error
    if not isinstance(asked, dict):
        raise invalid("The body is not a JSON object.")
    return asked


def _act(world: World, request: Request, asked: dict[str, Any]) -> dict[str, Any]:
    call = f"{request.method} {request.path}"
    if call == "POST /_ctl/webhook":
        target = world.outbox.target
        target.url = asked.get("url", target.url)
        target.secrets = asked.get("secrets", target.secrets)
        target.first_retry_s = asked.get("first_retry_s", target.first_retry_s)
        return {"url": target.url}
    if call == "POST /_ctl/faults":
        try:
            world.outbox.misbehave(Faults(**asked))
        except TypeError as error:
            raise invalid(str(error)) from error
        return asked
    if call == "POST /_ctl/slow":
        world.slow_s = float(asked["seconds"])
        return asked
    if call == "GET /_ctl/deliveries":
        rows = world.store.execute("SELECT event, state, attempt, answer FROM deliveries ORDER BY id")
        return {"data": [dict(zip(("event", "state", "attempt", "answer"), row, strict=True)) for row in rows]}
    if call == "GET /_ctl/requests":
        return {"data": _requests(world)}
    if found := re.fullmatch(r"POST /_ctl/events/(\w+)/resend", call):
        world.outbox.resend(found[1])
        return {"event": found[1]}
    if found := re.fullmatch(r"POST /_ctl/sessions/(\w+)/(pay|lapse)", call):
        return _pay(world, found[1], asked) if found[2] == "pay" else _lapse(world, found[1])
    if (happened := _money_moves(world, call, asked)) is not None:
        return happened
    raise ApiError(404, "invalid_request_error", f"Unrecognized control call ({call[:200]}).")


def _money_moves(world: World, call: str, asked: dict[str, Any]) -> dict[str, Any] | None:
    """What banks do without being asked by the merchant."""
    with world.store.transaction():
        if found := re.fullmatch(r"POST /_ctl/charges/(\w+)/dispute", call):
            return disputes.open_(world, found[1], asked.get("amount"))
        if found := re.fullmatch(r"POST /_ctl/disputes/(\w+)/close", call):
            return disputes.close(world, found[1], won=bool(asked.get("won")))
        if found := re.fullmatch(r"POST /_ctl/refunds/(\w+)/fail", call):
            return refunds.fail(world, found[1], **asked)
        if call == "POST /_ctl/payouts":
            return payouts.pay_out(world, str(asked.get("currency", "usd")))
    return None


def _requests(world: World) -> list[dict[str, Any]]:
    rows = world.store.execute("SELECT method, path, headers, body, status FROM requests ORDER BY seq")
    return [
        {"method": row[0], "path": row[1], "headers": json.loads(row[2]), "body": json.loads(row[3]), "status": row[4]}
        for row in rows
    ]


def _pay(world: World, id_: str, asked: dict[str, Any]) -> dict[str, Any]:
    with world.store.transaction():
        session = checkout.find(world, id_)
        changes = {name: asked[name] for name in ("amount_total", "currency", "client_reference_id") if name in asked}
        if asked.get("late"):
            changes |= {"status": "open", "expires_at": world.now() + 60}
        world.store.update(session, **changes)
        entered = cards.read(number=asked.get("number", "4242424242424242"), expiry="12/40", cvc="123")
        outcome = checkout.pay(world, id_, entered, email=None, name="Control")
        return {"state": outcome.state, "message": outcome.message}


def _lapse(world: World, id_: str) -> dict[str, Any]:
    with world.store.transaction():
        session = checkout.find(world, id_)
        world.store.update(session, expires_at=world.now())
        sessions.expire_due(world)
        return {"status": "expired"}
