"""Cursor pages as Stripe gives them, and `expand`."""

from __future__ import annotations

import json
from typing import Any

from sandbox.providers.plumbing.store import Store

from .errors import invalid, missing

_KINDS = {
    "cs": "checkout.session",
    "cus": "customer",
    "pi": "payment_intent",
    "ch": "charge",
    "re": "refund",
    "txn": "balance_transaction",
    "pm": "payment_method",
    "du": "dispute",
    "po": "payout",
}
_EQUALS = ("payment_intent", "customer", "charge", "status", "type", "source", "currency")
_COMPARE = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}


def page(store: Store, kind: str, url: str, asked: dict[str, Any]) -> dict[str, Any]:
    """Newest first; `starting_after` goes on to older ones, `ending_before` back to newer ones."""
    limit = asked.get("limit", 10)
    if not 1 <= limit <= 100:
        raise invalid("Invalid integer: limit must be between 1 and 100", param="limit")
    tests: list[tuple[str, Any]] = [
        (f"json_extract(body, '$.{name}') = ?", asked[name]) for name in _EQUALS if name in asked
    ]
    created = asked.get("created", {})
    bounds = created if isinstance(created, dict) else {"gte": created, "lte": created}
    tests += [(f"created {_COMPARE[name]} ?", bound) for name, bound in bounds.items()]
    if "types" in asked:
        tests.append(("json_extract(body, '$.type') IN (SELECT value FROM json_each(?))", json.dumps(asked["types"])))
    order = "DESC"
    if after := asked.get("starting_after"):
        tests.append(("seq < ?", _place(store, after, "starting_after")))
    elif before := asked.get("ending_before"):
        tests.append(("seq > ?", _place(store, before, "ending_before")))
        order = "ASC"
    where = " AND ".join(["1", *(test for test, _ in tests)])
    tail = f"ORDER BY seq {order} LIMIT {limit + 1}"
    rows = store.find(kind, where=where, values=tuple(value for _, value in tests), tail=tail)
    shown = rows[:limit] if order == "DESC" else rows[:limit][::-1]
    return {"object": "list", "url": url, "has_more": len(rows) > limit, "data": shown}


def _place(store: Store, id_: str, param: str) -> int:
    place = store.place(id_)
    if place is None:
        raise missing("object", id_, param=param, status=400)
    return place


def expand(store: Store, body: dict[str, Any], paths: list[str]) -> dict[str, Any]:
    """Replace ids by their objects: `payment_intent`, `payment_intent.latest_charge`, `data.payment_intent`."""
    for path in paths:
        _expand(store, body, path.split("."), path)
    return body


def _expand(store: Store, body: dict[str, Any], path: list[str], whole: str) -> None:
    name, rest = path[0], path[1:]
    if isinstance(body.get(name), list):
        for item in body[name]:
            _expand(store, item, rest, whole)
        return
    if name not in body:
        raise invalid(f"This property cannot be expanded ({whole}).", param="expand")
    value = body[name]
    if isinstance(value, str):
        kind = _KINDS.get(value.split("_")[0])
        found = store.get(kind, value) if kind else None
        if found is None:
            raise invalid(f"This property cannot be expanded ({whole}).", param="expand")
        body[name] = value = found
    if rest and isinstance(value, dict):
        _expand(store, value, rest, whole)
