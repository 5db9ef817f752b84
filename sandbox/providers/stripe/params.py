"""What each call accepts, read from the installed SDK's own parameter types, so that the two can't drift apart.

`stripe/params/*.py` is generated from Stripe's OpenAPI document: a TypedDict a call. They are read as text (the SDK
itself is not imported). Unknown names, wrong types and values outside an enumeration are refused as Stripe does.
"""

from __future__ import annotations

import ast
import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from .errors import ApiError, invalid

_INTEGER = re.compile(r"^-?\d{1,18}$")


class _Mismatch(Exception):
    """This alternative of a union does not fit."""


@cache
def _folder() -> Path:
    spec = find_spec("stripe")
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError("The stripe package is not installed: its parameter lists are this server's source.")
    return Path(next(iter(spec.submodule_search_locations))) / "params"


@cache
def _classes(module: str) -> dict[str, dict[str, ast.expr]]:
    tree = ast.parse((_folder() / f"{module}.py").read_text(encoding="utf-8"))
    return {
        node.name: {
            field.target.id: field.annotation
            for field in node.body
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        }
        for node in tree.body
        if isinstance(node, ast.ClassDef)
    }


def read(module: str, form: dict[str, Any]) -> dict[str, Any]:
    """`form` with its types set, or the API's refusal. `module` e.g. "checkout/_session_create_params"."""
    classes = _classes(module)
    top = next(iter(classes))
    return _object(form, classes[top], classes, "")


def _object(value: dict[str, Any], fields: dict[str, ast.expr], classes: Any, path: str) -> dict[str, Any]:
    result = {}
    for name, child in value.items():
        where = f"{path}[{name}]" if path else name
        if name not in fields:
            if name == "payment_method_types":
                raise _payment_method_types_gone()
            message = f"Received unknown parameter: {where}"
            raise invalid(message, param=where, code="parameter_unknown", stored=False)
        result[name] = _check(child, fields[name], classes, where)
    for name, annotation in fields.items():
        if name not in value and not _is(annotation, "NotRequired"):
            where = f"{path}[{name}]" if path else name
            raise invalid(f"Missing required param: {where}.", param=where, code="parameter_missing", stored=False)
    return result


def _check(value: Any, annotation: ast.expr, classes: Any, path: str) -> Any:
    try:
        return _fit(value, annotation, classes, path)
    except _Mismatch as mismatch:
        raise invalid(f"Invalid {mismatch} at {path}.", param=path, stored=False) from mismatch


def _fit(value: Any, annotation: ast.expr, classes: Any, path: str) -> Any:
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        return _fit(value, ast.parse(annotation.value, mode="eval").body, classes, path)
    if isinstance(annotation, ast.BinOp):
        return _union(value, _flatten(annotation), classes, path)
    if isinstance(annotation, ast.Subscript):
        name, inner = ast.unparse(annotation.value), annotation.slice
        if name == "Union" and isinstance(inner, ast.Tuple):
            return _union(value, inner.elts, classes, path)
        return _generic(value, name, inner, classes, path)
    name = ast.unparse(annotation)
    if name in classes:
        if not isinstance(value, dict):
            raise _Mismatch("object")
        return _object(value, classes[name], classes, path)
    return _scalar(value, name)


def _generic(value: Any, name: str, inner: ast.expr, classes: Any, path: str) -> Any:
    if name == "Literal":
        allowed = [ast.literal_eval(item) for item in (inner.elts if isinstance(inner, ast.Tuple) else [inner])]
        if value not in allowed:
            raise _Mismatch(f"value {str(value)[:40]!r}: must be one of {', '.join(map(str, allowed))}")
        return value
    if name == "List":
        if not isinstance(value, list):
            raise _Mismatch("array")
        return [_check(item, inner, classes, f"{path}[{place}]") for place, item in enumerate(value)]
    if name in ("Dict", "UntypedStripeObject"):
        if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
            raise _Mismatch("hash")
        return value
    return _fit(value, inner, classes, path)  # NotRequired[X], Optional[X]


def _union(value: Any, options: list[ast.expr], classes: Any, path: str) -> Any:
    """The first alternative that fits. `Literal[…]|str` is how the SDK writes an enumeration: the `str` is dropped."""
    literals = [option for option in options if _is(option, "Literal") and ast.unparse(option) != "Literal['']"]
    if literals:
        options = [option for option in options if ast.unparse(option) != "str"]
    reasons = []
    for option in options:
        try:
            return _fit(value, option, classes, path)
        except _Mismatch as mismatch:
            reasons.append(str(mismatch))
    raise _Mismatch(reasons[-1])


def _flatten(node: ast.expr) -> list[ast.expr]:
    if isinstance(node, ast.BinOp):
        return [*_flatten(node.left), *_flatten(node.right)]
    return [node]


def _scalar(value: Any, name: str) -> Any:
    if not isinstance(value, str):
        raise _Mismatch("string")
    if name == "int":
        if not _INTEGER.match(value):
            raise _Mismatch("integer")
        return int(value)
    if name == "bool":
        if value not in ("true", "false"):
            raise _Mismatch("boolean")
        return value == "true"
    return value


def _is(annotation: ast.expr, name: str) -> bool:
    return isinstance(annotation, ast.Subscript) and ast.unparse(annotation.value) == name


def _payment_method_types_gone() -> ApiError:
    return invalid(
        "The `payment_method_types` parameter is no longer supported. Use `allowed_payment_method_types` to restrict "
        "the payment methods, or leave it out to use those of your Dashboard.",
        param="payment_method_types",
        code="payment_method_types_no_longer_supported",
        stored=False,
    )
