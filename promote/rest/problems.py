"""Every failure of a REST door as a problem document, also what Django and DRF raise."""

import logging
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.core.signals import got_request_exception
from django.db import InterfaceError, OperationalError
from django.http import Http404
from django.utils.translation import gettext_lazy as _
from redis.exceptions import RedisError
from rest_framework import exceptions
from rest_framework.response import Response

from promote.problems import CONTENT_TYPE, Broken, MethodNotAllowed, NotJson, TooLarge, Unavailable, document, headers
from promote.refusals import FieldError, Invalid, NotAllowed, NotAuthenticated, NotFound, RateLimited, Refusal

log = logging.getLogger("promote.rest")


def respond(refusal: Refusal) -> Response:
    return Response(document(refusal), status=refusal.status, headers=headers(refusal), content_type=CONTENT_TYPE)


def handle(error: Exception, context: Mapping[str, Any]) -> Response:
    """DRF's exception handler. What nobody foresaw is logged whole, and told without its internals."""
    refusal = as_refusal(error)
    if isinstance(refusal, (Broken, Unavailable)):
        log.error("%s %s", context["request"].method, context["request"].path, exc_info=error)
        got_request_exception.send(sender=None, request=context["request"])
    response = respond(refusal)
    if isinstance(error, exceptions.MethodNotAllowed) and (view := context.get("view")) is not None:
        response["Allow"] = ", ".join(view.allowed_methods)
    return response


def as_refusal(error: Exception) -> Refusal:
    """The refusal that says what an exception means to the caller."""
    if isinstance(error, Refusal):
        return error
    for kind, told in TABLE.items():
        if isinstance(error, kind):
            return told(error)
    return Broken()


TABLE: dict[type[Exception] | tuple[type[Exception], ...], Callable[[Any], Refusal]] = {
    exceptions.ValidationError: lambda error: Invalid(list(_flat(error.detail))),
    exceptions.ParseError: lambda error: Invalid([FieldError("", "malformed", str(error.detail))]),
    (Http404, exceptions.NotFound): lambda error: NotFound(),
    (exceptions.NotAuthenticated, exceptions.AuthenticationFailed): lambda error: NotAuthenticated(),
    exceptions.PermissionDenied: lambda error: _Forbidden(reason=str(error.detail)),
    PermissionDenied: lambda error: NotAllowed(),
    exceptions.Throttled: lambda error: RateLimited(retry_after_s=max(1, int(error.wait or 1))),
    exceptions.MethodNotAllowed: lambda error: MethodNotAllowed(method=error.args[0]),
    exceptions.UnsupportedMediaType: lambda error: NotJson(expected="application/json"),
    RequestDataTooBig: lambda error: TooLarge(),
    SuspiciousOperation: lambda error: Invalid([FieldError("", "malformed", _("The request is malformed."))]),
    (OperationalError, InterfaceError, RedisError): lambda error: Unavailable(),
}


class _Forbidden(NotAllowed):
    """DRF's own, in its own words: a failed CSRF check."""

    sentence = _("{reason}")


def _flat(detail: Any, path: str = "") -> Iterator[FieldError]:
    """`{"anchor": {"price": ["…"]}}` as `anchor.price`; places in a list by their number."""
    if isinstance(detail, dict):
        for name, inner in detail.items():
            yield from _flat(inner, path if name == "non_field_errors" else f"{path}.{name}" if path else str(name))
    elif isinstance(detail, list):
        for number, inner in enumerate(detail):
            nested = isinstance(inner, (dict, list))
            if not nested or inner:
                yield from _flat(inner, f"{path}.{number}" if nested and path else path)
    else:
        yield FieldError(path, getattr(detail, "code", None) or "invalid", str(detail))
