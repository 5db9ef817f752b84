"""Stripe's error envelope: `{"error": {"type", "code", "message", "param", "decline_code"}}`."""

from __future__ import annotations

from typing import Any


class ApiError(Exception):
    """An answer other than success, as the API documents it."""

    def __init__(
        self,
        status: int,
        type_: str,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        stored: bool = True,
        **more: Any,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.error: dict[str, Any] = {"type": type_, "message": message}
        if code:
            self.error["code"] = code
            self.error["doc_url"] = f"https://stripe.com/docs/error-codes/{code.replace('_', '-')}"
        if param:
            self.error["param"] = param
        self.error.update({name: value for name, value in more.items() if value is not None})
        # An idempotency key keeps an answer only once an endpoint has begun its work.
        self.stored = stored

    def body(self, request_id: str) -> dict[str, Any]:
        log_url = f"https://dashboard.stripe.com/test/logs/{request_id}"
        return {"error": {**self.error, "request_log_url": log_url}}


def invalid(message: str, *, param: str | None = None, code: str | None = None, stored: bool = True) -> ApiError:
    return ApiError(400, "invalid_request_error", message, code=code, param=param, stored=stored)


def missing(kind: str, id_: str, *, param: str = "id", status: int = 404) -> ApiError:
    message = f"No such {kind}: '{id_}'"
    return ApiError(status, "invalid_request_error", message, code="resource_missing", param=param)
