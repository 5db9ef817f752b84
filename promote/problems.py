"""A refusal as a problem document (RFC 9457), with a stable `code`; and the refusals of every door, whoever serves it.

Nothing of a framework is loaded for it: the edge has none. Source: api.md, Problems.
"""

from typing import Any

from django.utils.translation import gettext_lazy as _

from promote.refusals import Invalid, RateLimited, Refusal

CONTENT_TYPE = "application/problem+json"
CHALLENGE = 'Bearer realm="promote", Api-Key realm="promote"'


class MethodNotAllowed(Refusal):
    code, status = "method_not_allowed", 405
    title = _("Method not allowed")
    sentence = _("{method} is not possible here.")


class NotJson(Refusal):
    code, status = "unsupported_media_type", 415
    title = _("Unsupported media type")
    sentence = _("Send the body as {expected}, and say so in Content-Type.")


class TooLarge(Refusal):
    code, status = "too_large", 413
    title = _("Too large")
    sentence = _("The body is larger than this call takes.")


class Unavailable(Refusal):
    code, status = "unavailable", 503
    title = _("Not available right now")
    sentence = _(
        "We can't do this right now. Nothing was changed; try again in a moment with the same Idempotency-Key."
    )


class Broken(Refusal):
    code, status = "internal_error", 500
    title = _("Something went wrong on our side")
    sentence = _("Something went wrong on our side. It was recorded; nothing was changed.")


def document(refusal: Refusal) -> dict[str, Any]:
    """The members of a problem."""
    members: dict[str, Any] = {
        "type": f"urn:promote:problem:{refusal.code}",
        "title": str(refusal.title),
        "status": refusal.status,
        "code": refusal.code,
        "detail": refusal.detail,
    }
    if isinstance(refusal, Invalid):
        members["errors"] = [
            {"field": error.field, "code": error.code, "detail": str(error.detail)} for error in refusal.errors
        ]
    return {**members, **refusal.extra}


def headers(refusal: Refusal) -> dict[str, str]:
    if isinstance(refusal, RateLimited):
        return {"Retry-After": str(refusal.retry_after_s)}
    if isinstance(refusal, Unavailable):
        return {"Retry-After": "1"}
    if refusal.status == 401:
        return {"WWW-Authenticate": CHALLENGE}
    return {}
