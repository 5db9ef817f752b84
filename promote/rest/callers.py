"""Who is calling: the account, and the app it calls from. Source: api.md, Who is calling."""

from django.utils.translation import gettext_lazy as _
from rest_framework.request import Request

from promote.accounts.models import Account, User
from promote.eligibility import Caller
from promote.keys.jwt import AppToken
from promote.keys.models import PlatformKey
from promote.refusals import FieldError, Invalid, NotAllowed, NotAuthenticated

PLATFORMS = ("ios", "android", "web")


class NoAccount(NotAllowed):
    sentence = _("This is for an advertiser's account: call with the user's token, or sign in as the advertiser.")


class AnotherAppPlatform(NotAllowed):
    sentence = _("X-App-Platform says {header}, but this token was made for {token}.")


def account_of(request: Request) -> Account:
    """The advertiser's account. Raises NotAuthenticated, and NoAccount for keys and staff."""
    if isinstance(request.auth, AppToken):
        return request.auth.account
    if isinstance(request.auth, PlatformKey):
        raise NoAccount
    if not isinstance(request.user, User):
        raise NotAuthenticated
    account = _account_of_user(request.user)
    if account is None:
        raise NoAccount
    return account


def caller(request: Request) -> Caller:
    """The app and its version: a browser is `web`; a token's platform is its word, else the header's.

    A Bearer caller without the headers has none, which counts as an app too old.
    Raises AnotherAppPlatform, and Invalid where the header names no platform we know.
    """
    if not isinstance(request.auth, AppToken):
        return Caller(app_platform="web", app_version=None)
    header = request.headers.get("X-App-Platform", "").strip().lower() or None
    said = request.auth.app_platform
    if said and header and header != said:
        raise AnotherAppPlatform(header=header[:32], token=said)
    if header and header not in PLATFORMS:
        raise Invalid([FieldError("X-App-Platform", "invalid_choice", _("It is ios, android or web."))])
    version = request.headers.get("X-App-Version", "").strip() or None
    return Caller(app_platform=said or header, app_version=version)


def caller_id(request: Request) -> str | None:
    """A name for whoever calls, the same by token and by session; None for nobody."""
    if isinstance(request.auth, PlatformKey):
        return f"key:{request.auth.id.hex}"
    if isinstance(request.auth, AppToken):
        return f"account:{request.auth.account.id.hex}"
    if isinstance(request.user, User):
        account = _account_of_user(request.user)
        return f"account:{account.id.hex}" if account else f"user:{request.user.pk}"
    return None


def _account_of_user(user: User) -> Account | None:
    """Django keeps it with the user, so that a request asks once."""
    found: Account | None = getattr(user, "account", None)
    return found
