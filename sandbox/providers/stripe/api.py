"""The REST API: every route, the key that opens it, and the way from a form to an answer."""

from __future__ import annotations

import hmac
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sandbox.providers.plumbing.server import Request, Response

from . import API_VERSION, customers, forms, idempotency, ids, lists, off_session, on_session, params, refunds, sessions
from .errors import ApiError, invalid, missing
from .world import Call, World


@dataclass(frozen=True)
class Route:
    method: str
    path: re.Pattern[str]
    params: str
    answer: Callable[..., dict[str, Any] | ApiError]


def _route(method: str, path: str, params_module: str, answer: Callable[..., dict[str, Any] | ApiError]) -> Route:
    pattern = re.compile(re.sub(r"\{id\}", "([A-Za-z0-9_]+)", path))
    return Route(method, pattern, params_module, answer)


def _retrieve(kind: str, name: str) -> Callable[..., dict[str, Any]]:
    def answer(world: World, asked: dict[str, Any], call: Call, id_: str) -> dict[str, Any]:
        found = world.store.get(kind, id_)
        if found is None:
            raise missing(name, id_, param=name.replace("checkout.", ""))
        return lists.expand(world.store, found, asked.get("expand", []))

    return answer


def _list(kind: str, url: str) -> Callable[..., dict[str, Any]]:
    def answer(world: World, asked: dict[str, Any], call: Call) -> dict[str, Any]:
        body = lists.page(world.store, kind, url, asked)
        return lists.expand(world.store, body, asked.get("expand", []))

    return answer


def _create(make: Callable[..., dict[str, Any] | ApiError]) -> Callable[..., dict[str, Any] | ApiError]:
    def answer(world: World, asked: dict[str, Any], call: Call, *ids_: str) -> dict[str, Any] | ApiError:
        made = make(world, asked, call, *ids_)
        return made if isinstance(made, ApiError) else lists.expand(world.store, made, asked.get("expand", []))

    return answer


def _customers_methods(world: World, asked: dict[str, Any], call: Call, id_: str) -> dict[str, Any]:
    customers.must_exist(world, id_)
    return lists.page(world.store, "payment_method", f"/v1/customers/{id_}/payment_methods", {**asked, "customer": id_})


def _session(world: World, id_: str) -> dict[str, Any]:
    sessions.expire_due(world)
    found = world.store.get("checkout.session", id_)
    if found is None:
        raise missing("checkout.session", id_, param="session")
    return found


def _create_session(world: World, asked: dict[str, Any], call: Call) -> dict[str, Any]:
    return sessions.shown(world, sessions.create(world, asked, call), asked.get("expand", []))


def _retrieve_session(world: World, asked: dict[str, Any], call: Call, id_: str) -> dict[str, Any]:
    return sessions.shown(world, _session(world, id_), asked.get("expand", []))


def _expire_session(world: World, asked: dict[str, Any], call: Call, id_: str) -> dict[str, Any]:
    return sessions.shown(world, sessions.expire(world, _session(world, id_), call), asked.get("expand", []))


def _session_line_items(world: World, asked: dict[str, Any], call: Call, id_: str) -> dict[str, Any]:
    return sessions.line_items(world, _session(world, id_)["id"])


def _resource(kind: str, plural: str, name: str) -> list[Route]:
    """The two ways of reading a kind."""
    return [
        _route("GET", f"/v1/{plural}", f"_{kind}_list_params", _list(kind, f"/v1/{plural}")),
        _route("GET", f"/v1/{plural}/{{id}}", f"_{kind}_retrieve_params", _retrieve(kind, name)),
    ]


_SESSIONS, _IN = "/v1/checkout/sessions", "checkout/_session_"
_WARNINGS = "/v1/radar/early_fraud_warnings"
ROUTES = [
    _route("POST", _SESSIONS, f"{_IN}create_params", _create_session),
    _route("GET", _SESSIONS, f"{_IN}list_params", _list("checkout.session", _SESSIONS)),
    _route("GET", f"{_SESSIONS}/{{id}}", f"{_IN}retrieve_params", _retrieve_session),
    _route("POST", f"{_SESSIONS}/{{id}}/expire", f"{_IN}expire_params", _expire_session),
    _route("GET", f"{_SESSIONS}/{{id}}/line_items", f"{_IN}list_line_items_params", _session_line_items),
    _route("POST", "/v1/customers", "_customer_create_params", _create(customers.create)),
    *_resource("customer", "customers", "customer"),
    _route("GET", "/v1/customers/{id}/payment_methods", "_customer_list_payment_methods_params", _customers_methods),
    _route("POST", "/v1/payment_intents", "_payment_intent_create_params", _create(off_session.create)),
    _route("POST", "/v1/payment_intents/{id}/cancel", "_payment_intent_cancel_params", _create(off_session.cancel)),
    *_resource("payment_intent", "payment_intents", "payment_intent"),
    _route("POST", "/v1/payment_methods/{id}/attach", "_payment_method_attach_params", _create(off_session.attach)),
    _route("POST", "/v1/payment_methods/{id}/detach", "_payment_method_detach_params", _create(off_session.detach)),
    *_resource("payment_method", "payment_methods", "PaymentMethod"),
    *_resource("charge", "charges", "charge"),
    _route("POST", "/v1/refunds", "_refund_create_params", _create(refunds.create)),
    *_resource("refund", "refunds", "refund"),
    *_resource("dispute", "disputes", "dispute"),
    *_resource("payout", "payouts", "payout"),
    *_resource("balance_transaction", "balance_transactions", "balance transaction"),
    *_resource("event", "events", "event"),
    _route(
        "GET",
        f"{_WARNINGS}/{{id}}",
        "radar/_early_fraud_warning_retrieve_params",
        _retrieve("radar.early_fraud_warning", "early_fraud_warning"),
    ),
]


def answer(world: World, request: Request) -> Response:
    """One call, with its headers. Nothing but an ApiError changes the shape of an answer."""
    request_id = ids.new("req")
    headers = {"request-id": request_id, "Stripe-Version": API_VERSION}
    form: dict[str, Any] = {}
    try:
        if on_session.is_of_an_app(request.headers.get("authorization", "")):
            return _of_an_app(world, request, headers)
        authenticate(world, request.headers.get("authorization", ""))
        _version(request.headers.get("stripe-version"))
        form = forms.decode(request.query if request.method == "GET" else request.body.decode("utf-8", "replace"))
        response = _dispatch(world, request, form, request_id)
    except ApiError as error:
        response = Response(error.status, error.body(request_id))
    response.headers = headers | response.headers
    names = ("stripe-version", "idempotency-key", "content-type", "user-agent")
    kept = {name: request.headers[name] for name in names if name in request.headers}
    world.store.record(method=request.method, path=request.path, headers=kept, body=form, status=response.status)
    return response


def _of_an_app(world: World, request: Request, headers: dict[str, str]) -> Response:
    text = request.query if request.method == "GET" else request.body.decode("utf-8", "replace")
    with world.store.transaction():
        return Response(200, on_session.answer(world, request.method, request.path, text), headers)


def _dispatch(world: World, request: Request, form: dict[str, Any], request_id: str) -> Response:
    route, found = _find(request)
    key = request.headers.get("idempotency-key") if request.method == "POST" else None
    call = Call(request_id=request_id, idempotency_key=key)
    headers = {}
    if key is not None:
        headers = {"Idempotency-Key": key, "original-request": request_id}
        known = idempotency.begin(world, key, request.path, form)
        if known is not None:
            status, body, original = known
            return Response(status, body, headers | {"Idempotent-Replayed": "true", "original-request": original})
    try:
        if world.slow_s and request.method == "POST":
            time.sleep(world.slow_s)
        with world.store.transaction():
            made = route.answer(world, params.read(route.params, form), call, *found.groups())
            if key is not None and not isinstance(made, ApiError):
                idempotency.finish(world, key, request_id, 200, made)
        if isinstance(made, ApiError):  # what it refused stays, as a payment that failed
            raise made
        return Response(200, made, headers)
    except ApiError as error:
        if key is not None and error.stored:
            idempotency.finish(world, key, request_id, error.status, error.body(request_id))
        raise
    finally:
        if key is not None:
            idempotency.forget(world, key)


def _find(request: Request) -> tuple[Route, re.Match[str]]:
    for route in ROUTES:
        found = route.path.fullmatch(request.path)
        if found and route.method == request.method:
            return route, found
    message = f"Unrecognized request URL ({request.method}: {request.path[:200]})."
    raise ApiError(404, "invalid_request_error", message, stored=False)


def authenticate(world: World, header: str) -> None:
    kind, _, key = header.partition(" ")
    if kind != "Bearer" or not key:
        message = (
            "You did not provide an API key. You need to provide your API key in the Authorization header, using "
            "Bearer auth (e.g. 'Authorization: Bearer YOUR_KEY')."
        )
        raise ApiError(401, "invalid_request_error", message, stored=False)
    if not hmac.compare_digest(key.encode(), world.secret_key.encode()):
        shown = f"{key[:8]}{'*' * 8}{key[-4:]}" if len(key) > 16 else "****"
        raise ApiError(401, "invalid_request_error", f"Invalid API Key provided: {shown}", stored=False)


def _version(header: str | None) -> None:
    if header is not None and header != API_VERSION:
        raise invalid(f"Invalid Stripe API version: {header[:40]}. This stand-in speaks {API_VERSION}.", stored=False)
