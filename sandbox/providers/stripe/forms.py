"""Decode `application/x-www-form-urlencoded` bodies with Stripe's brackets: `a[b][0][c]=1`, `expand[]=x`."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl

from .errors import invalid

_KEY = re.compile(r"^([^\[\]]+)((?:\[[^\[\]]*\])*)$")
_MAX_FIELDS = 1000
_MAX_DEPTH = 8


def decode(text: str) -> dict[str, Any]:
    """Nested dicts and lists of strings. Raises the API's own error for a key that can't be read."""
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=_MAX_FIELDS, strict_parsing=False)
    except ValueError as error:
        raise invalid("Too many parameters.", stored=False) from error
    tree: dict[str, Any] = {}
    for key, value in pairs:
        _put(tree, _path(key), value)
    return {name: _lists(child) for name, child in tree.items()}


def _path(key: str) -> list[str]:
    match = _KEY.match(key)
    if match is None:
        raise invalid(f"Invalid parameter name: {key[:80]}", stored=False)
    path = [match[1], *re.findall(r"\[([^\[\]]*)\]", match[2])]
    if len(path) > _MAX_DEPTH:
        raise invalid(f"Parameter nested too deeply: {key[:80]}", stored=False)
    return path


def _put(tree: dict[str, Any], path: list[str], value: str) -> None:
    for step, following in zip(path, [*path[1:], None], strict=True):
        name = str(len(tree)) if step == "" else step
        if following is None:
            tree[name] = value
            return
        child = tree.setdefault(name, {})
        if not isinstance(child, dict):
            raise invalid(f"Invalid object at {name}.", param=name, stored=False)
        tree = child


def _lists(node: Any) -> Any:
    """A dict whose keys are 0..n becomes a list."""
    if not isinstance(node, dict):
        return node
    if node and all(key.isdigit() for key in node):
        return [_lists(node[key]) for key in sorted(node, key=int)]
    return {name: _lists(child) for name, child in node.items()}
