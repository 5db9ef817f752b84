"""How doors describe themselves in the OpenAPI document: problems, the idempotency key, who may call."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter

from promote.problems import CONTENT_TYPE
from promote.rest.callers import PLATFORMS
from promote.rest.idempotency import REPLAYED, Idempotent

PROBLEM: dict[str, Any] = {
    "type": "object",
    "required": ["type", "title", "status", "code", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "Stable: programs decide by this."},
        "detail": {"type": "string", "description": "For people: what is wrong, and the way out."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "code", "detail"],
                "properties": {
                    "field": {"type": "string"},
                    "code": {"type": "string"},
                    "detail": {"type": "string"},
                },
            },
        },
    },
    "example": {
        "type": "urn:promote:problem:invalid",
        "title": "The request is not valid",
        "status": 400,
        "code": "invalid",
        "detail": "Please mend the fields named in errors.",
        "errors": [{"field": "budget_coins", "code": "required", "detail": "This field is required."}],
    },
}


class ApiKeyScheme(OpenApiAuthenticationExtension):
    target_class = "promote.rest.authentication.ApiKey"
    name = "ApiKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "`Api-Key KEY`, for platform servers. Made by `manage.py create_platform_key`.",
        }


class BearerScheme(OpenApiAuthenticationExtension):
    target_class = "promote.rest.authentication.Bearer"
    name = "Bearer"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "For mobile apps."}


class SessionScheme(OpenApiAuthenticationExtension):
    target_class = "promote.rest.authentication.Session"
    name = "Session"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {"type": "apiKey", "in": "cookie", "name": "sessionid", "description": "For browsers, with CSRF."}


APP = [
    OpenApiParameter(
        "X-App-Platform",
        str,
        OpenApiParameter.HEADER,
        enum=PLATFORMS,
        description="Of apps, with a Bearer token: as in the token, where that names one. Browsers leave it out.",
    ),
    OpenApiParameter(
        "X-App-Version",
        {"type": "string", "examples": ["20.4.0"]},
        OpenApiParameter.HEADER,
        description="Of apps. Without it an app counts as too old to promote.",
    ),
]


class DoorSchema(AutoSchema):
    """Adds what every door has: problems, the idempotency key, the headers of apps."""

    def get_override_parameters(self) -> list[Any]:
        found = [] if _of_platforms(self.view) or not self.view.authentication_classes else list(APP)
        if self.method == "POST" and isinstance(self.view, Idempotent):
            found.append(
                OpenApiParameter(
                    "Idempotency-Key",
                    {"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"^[\x21-\x7e]+$"},
                    OpenApiParameter.HEADER,
                    required=True,
                    description=f"The same key and body gives the stored answer, with `{REPLAYED}: true`.",
                )
            )
        return found

    def get_auth(self) -> list[dict[str, Any]]:
        """Those schemes with which the call can succeed: keys for doors of scopes, users for the others."""
        names = [name for scheme in super().get_auth() for name in scheme]
        wanted = {"ApiKey"} if _of_platforms(self.view) else {"Bearer", "Session"}
        return [{name: []} for name in names if name in wanted] if names else []


def _of_platforms(view: Any) -> bool:
    return any(hasattr(permission, "needed") for permission in view.permission_classes)


def add_problems(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """Post-processing: every operation may answer with a problem."""
    result.setdefault("components", {}).setdefault("schemas", {})["Problem"] = PROBLEM
    answer = {
        "description": "A problem (RFC 9457).",
        "content": {CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    for operations in result["paths"].values():
        for operation in operations.values():
            if isinstance(operation, dict) and "responses" in operation:
                operation["responses"].setdefault("default", answer)
    return result
