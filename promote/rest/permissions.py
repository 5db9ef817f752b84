"""Who may call: a platform key with a scope, an advertiser, or anybody."""

from typing import Any

from rest_framework.permissions import AllowAny, BasePermission
from rest_framework.request import Request

from promote.keys.models import PlatformKey
from promote.keys.platform_keys import ScopeMissing
from promote.refusals import NotAuthenticated
from promote.rest.callers import account_of, caller

Open = AllowAny


def scopes(*names: str) -> type[BasePermission]:
    """A permission for platform keys that have every one of these scopes."""

    class HasScopes(BasePermission):
        needed = names

        def has_permission(self, request: Request, view: Any) -> bool:
            if not isinstance(request.auth, PlatformKey):
                raise NotAuthenticated() if _nobody(request) else ScopeMissing(scope=", ".join(names))
            missing = [name for name in names if name not in request.auth.scopes]
            if missing:
                raise ScopeMissing(scope=", ".join(missing))
            return True

    return HasScopes


class Advertiser(BasePermission):
    """A user with an account, by token or session, whose app is the one its token was made for."""

    def has_permission(self, request: Request, view: Any) -> bool:
        account_of(request)
        caller(request)
        return True


def _nobody(request: Request) -> bool:
    return request.auth is None and not getattr(request.user, "is_authenticated", False)
