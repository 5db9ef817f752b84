"""App tokens: an access JWT for 15 minutes, and a refresh token that is good once (api.md, Who is calling).

A refresh token that comes back after it was used was copied by somebody: its whole sign-in ends. `read` needs no
Django, so that the edge can check a token too.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import jwt

from promote.keys import keyring
from promote.keys.keyring import Keyring

if TYPE_CHECKING:
    from promote.accounts.models import Account
    from promote.keys.models import TokenFamily

ACCESS_LIFE = timedelta(minutes=15)
REFRESH_LIFE = timedelta(days=30)
AT_ONCE = timedelta(seconds=10)
ISSUER = "promote"
ALGORITHM = "HS256"


class TokenBroken(ValueError):
    """Not a token of ours, or not good any more."""


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token says. `app_platform` is the platform's own word, None where it did not say."""

    account_id: UUID
    app_platform: str | None
    use: str
    family_id: UUID
    generation: int
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class AppToken:
    """Who calls with an access token: DRF's `request.auth`."""

    account: "Account"
    app_platform: str | None


@dataclass(frozen=True, slots=True)
class Tokens:
    access: str
    refresh: str
    expires_at: datetime
    """The access token's end."""


def issue(*, account: "Account", app_platform: str | None, now: datetime) -> Tokens:
    """Signs an app in for an account: the first pair of a new family."""
    from promote.keys.models import TokenFamily

    family = TokenFamily.objects.create(
        account=account, app_platform=app_platform or "", created_at=now, expires_at=now + REFRESH_LIFE
    )
    return _pair(family, now)


def refresh(text: str, *, now: datetime) -> Tokens:
    """The next pair. Raises NotAuthenticated for a token that is broken, ended or used before.

    One that comes again within seconds is refused and no more: an app asked twice at once, or its answer was lost.
    """
    from django.db import transaction
    from django.db.models import F, Q

    from promote.keys.models import TokenFamily
    from promote.refusals import NotAuthenticated

    try:
        claims = read(text, keys=keyring.from_settings(), now=now, use="refresh")
    except TokenBroken:
        raise NotAuthenticated from None
    with transaction.atomic():
        turned = TokenFamily.objects.filter(
            id=claims.family_id, generation=claims.generation, revoked_at=None, expires_at__gt=now
        ).update(generation=F("generation") + 1, expires_at=now + REFRESH_LIFE)
        if turned:
            return _pair(TokenFamily.objects.get(id=claims.family_id), now)
        # Used before, by its owner or by a thief; which of the two holds the newer one can't be told.
        turned_before = now + REFRESH_LIFE - AT_ONCE
        TokenFamily.objects.filter(
            Q(expires_at__lt=turned_before) | ~Q(generation=claims.generation + 1), id=claims.family_id, revoked_at=None
        ).update(revoked_at=now, revoked_why="reuse")
    raise NotAuthenticated


def forget(*, before: datetime) -> int:
    """Drops sign-ins whose last refresh token ended before then."""
    from promote.keys.models import TokenFamily

    return TokenFamily.objects.filter(expires_at__lt=before).delete()[0]


def account_token(text: str, *, now: datetime) -> AppToken:
    """Who calls with this access token. Raises NotAuthenticated."""
    from promote.accounts.models import Account
    from promote.refusals import NotAuthenticated

    try:
        claims = read(text, keys=keyring.from_settings(), now=now, use="access")
    except TokenBroken:
        raise NotAuthenticated from None
    account = Account.objects.select_related("user").filter(id=claims.account_id).first()
    if account is None:
        raise NotAuthenticated
    return AppToken(account, claims.app_platform)


def read(text: str, *, keys: Keyring, now: datetime, use: str = "access") -> Claims:
    """What the token says, where it is ours, for this use, and not over. Raises TokenBroken."""
    try:
        key = keys.find("jwt", str(jwt.get_unverified_header(text).get("kid")))
        if key is None:
            raise TokenBroken("its key is not ours")
        claims: dict[str, Any] = jwt.decode(
            text,
            key.secret,
            algorithms=[ALGORITHM],
            issuer=ISSUER,
            # Time is ours to judge, by the `now` that was passed in.
            options={"require": ["sub", "iss", "exp", "use", "fam", "gen"], "verify_exp": False, "verify_iat": False},
        )
        expires_at = datetime.fromtimestamp(claims["exp"], UTC)
        found = Claims(
            account_id=UUID(hex=claims["sub"].removeprefix("acc_")),
            app_platform=claims.get("app_platform"),
            use=claims["use"],
            family_id=UUID(hex=claims["fam"]),
            generation=int(claims["gen"]),
            expires_at=expires_at,
        )
    except (jwt.InvalidTokenError, ValueError, TypeError, AttributeError, OverflowError):
        raise TokenBroken("it is not a token of ours") from None
    if found.use != use or expires_at <= now:
        raise TokenBroken("it is over, or for another use")
    return found


def _pair(family: "TokenFamily", now: datetime) -> Tokens:
    expires_at = now + ACCESS_LIFE
    return Tokens(
        access=_write(family, "access", now, expires_at),
        refresh=_write(family, "refresh", now, family.expires_at),
        expires_at=expires_at.replace(microsecond=0),
    )


def _write(family: "TokenFamily", use: str, now: datetime, expires_at: datetime) -> str:
    key = keyring.from_settings().current("jwt")
    claims = {
        "iss": ISSUER,
        "sub": f"acc_{family.account_id.hex}",
        "use": use,
        "iat": int(now.timestamp()),
        "exp": int(expires_at.timestamp()),
        "fam": family.id.hex,
        "gen": family.generation,
    }
    if family.app_platform:
        claims["app_platform"] = family.app_platform
    return jwt.encode(claims, key.secret, algorithm=ALGORITHM, headers={"kid": key.id})
