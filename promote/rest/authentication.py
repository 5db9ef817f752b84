"""`Authorization: Api-Key …` for platform servers, `Bearer …` for apps, the session's cookie for browsers."""

from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.request import Request

from promote.keys import jwt, platform_keys
from promote.problems import CHALLENGE
from promote.refusals import NotAuthenticated


def credentials(request: Request, scheme: str) -> str | None:
    """What follows `scheme` in the Authorization header, if that is its scheme."""
    name, _, rest = request.headers.get("Authorization", "").strip().partition(" ")
    return rest.strip() if name.lower() == scheme else None


class ApiKey(BaseAuthentication):
    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        text = credentials(request, "api-key")
        if text is None:
            return None
        return AnonymousUser(), platform_keys.find(text, now=timezone.now())

    def authenticate_header(self, request: Request) -> str:
        return CHALLENGE


class Bearer(BaseAuthentication):
    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        text = credentials(request, "bearer")
        if text is None:
            return None
        token = jwt.account_token(text, now=timezone.now())
        return token.account.user or AnonymousUser(), token

    def authenticate_header(self, request: Request) -> str:
        return CHALLENGE


class Session(SessionAuthentication):
    """Django's session, its CSRF token demanded for everything that writes. Not looked at beside an Authorization."""

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        if request.headers.get("Authorization", "").strip():
            raise NotAuthenticated
        return super().authenticate(request)

    def authenticate_header(self, request: Request) -> str:
        return CHALLENGE
