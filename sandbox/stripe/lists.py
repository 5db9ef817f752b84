"""Cursor pages as Stripe gives them, and `expand`."""

from __future__ import annotations

from typing import Any

from .errors import invalid, missing
from .store import Store

_KINDS = {
    "cs": "checkout.session",
    "cus": "customer",
    "pi": "payment_intent",
    "ch": "charge",
    "re": "refund",
    "txn": "balance_transaction",
    "pm": "payment_method",
}
_EQUALS = ("payment_intent", "customer", "charge", "status", "type", "source", "currency")
_COMPARE = {
    "gt": lambda value, bound: value > bound,
    "gte": lambda value, bound: value >= bound,
    "lt": lambda value, bound: value < bound,
    "lte": lambda value, bound: value <= bound,
}


def page(store: Store, kind: str, url: str, asked: dict[str, Any]) -> dict[str, Any]:
    """Newest first; `starting_after` goes on to older ones, `ending_before` back to newer ones."""
    limit = asked.get("limit", 10)
    if not 1 <= limit <= 100:
        raise invalid("Invalid integer: limit must be between 1 and 100", param="limit")
    rows = store.find(kind, **{name: asked[name] for name in _EQUALS if name in asked})
    rows = [row for row in rows if _within(row["created"], asked.get("created"))]
    if "types" in asked:
        rows = [row for row in rows if row["type"] in asked["types"]]
    if after := asked.get("starting_after"):
        rows = rows[_place(rows, after, "starting_after") + 1 :]
    elif before := asked.get("ending_before"):
        rows = rows[: _place(rows, before, "ending_before")]
        return _page(url, rows[-limit:], len(rows) > limit)
    return _page(url, rows[:limit], len(rows) > limit)


def _page(url: str, rows: list[dict[str, Any]], has_more: bool) -> dict[str, Any]:
    return {"object": "list", "url": url, "has_more": has_more, "data": rows}


def _within(created: int, bounds: Any) -> bool:
    if bounds is None:
        return True
    if not isinstance(bounds, dict):
        return created == bounds
    return all(_COMPARE[name](created, bound) for name, bound in bounds.items())


def _place(rows: list[dict[str, Any]], id_: str, param: str) -> int:
    for place, row in enumerate(rows):
        if row["id"] == id_:
            return place
    raise missing("object", id_, param=param, status=400)


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
