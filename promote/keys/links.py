"""One-time sign-in links for browsers: made by the platform's server, opened by its user, good for ten minutes."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from promote.accounts.models import Account
from promote.keys import keyring
from promote.keys.models import SignInLink
from promote.refusals import NotAuthenticated

LIFE = timedelta(minutes=10)
PATH = "/sign-in/{token}/"


class LinkOver(NotAuthenticated):
    title = _("This link is no longer good")
    sentence = _("This sign-in link was used already or is older than ten minutes. Open Promote from the app again.")


@dataclass(frozen=True, slots=True)
class Link:
    url: str
    expires_at: datetime


def make(*, account: Account, now: datetime) -> Link:
    """A link that signs `account` in, once, within ten minutes."""
    link = SignInLink.objects.create(account=account, created_at=now, expires_at=now + LIFE)
    token = keyring.seal("links", link.id.bytes)
    return Link(url=settings.PUBLIC_URL + PATH.format(token=token), expires_at=link.expires_at)


def look(token: str, *, now: datetime) -> SignInLink:
    """The link, still good. Looking does not use it: a preview of the address signs nobody in. Raises LinkOver."""
    link = (
        SignInLink.objects.select_related("account").filter(id=_id_of(token), used_at=None, expires_at__gt=now).first()
    )
    if link is None:
        raise LinkOver
    return link


def redeem(token: str, *, now: datetime) -> Account:
    """Uses the link up. Raises LinkOver."""
    link_id = _id_of(token)
    if not SignInLink.objects.filter(id=link_id, used_at=None, expires_at__gt=now).update(used_at=now):
        raise LinkOver
    return Account.objects.select_related("user").get(sign_in_links__id=link_id)


def forget(*, before: datetime) -> int:
    """Drops links that ended before then."""
    return SignInLink.objects.filter(expires_at__lt=before).delete()[0]


def _id_of(token: str) -> UUID:
    try:
        return UUID(bytes=keyring.unseal("links", token))
    except (keyring.SealBroken, ValueError):
        raise LinkOver from None
