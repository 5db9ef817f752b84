"""Web logins for advertisers: the account is the platform's, the user who signs in with a password is ours."""

import secrets

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from promote.accounts.models import Account, User
from promote.refusals import FieldError, Invalid, NotFound


class NoSuchAccount(NotFound):
    sentence = _("The platform has told us of no account {account}.")


def give(*, account: str, username: str) -> tuple[User, str]:
    """Gives the platform's account (its external id) a login, or its login a new password. Returned once, in clear.

    Raises NoSuchAccount, and Invalid where the name is taken, or the account signs in under another.
    """
    password = secrets.token_urlsafe(15)
    with transaction.atomic():
        owner = Account.objects.select_for_update().filter(external_id=account).first()
        if owner is None:
            raise NoSuchAccount(account=account)
        user = owner.user
        if user is None:
            user = _create(username)
            owner.user = user
            owner.save(update_fields=["user"])
        elif user.username != username:
            sentence = _("This account already signs in as %(username)s.") % {"username": user.username}
            raise Invalid([FieldError("username", "another", sentence)])
        user.set_password(password)
        user.save(update_fields=["password"])
    return user, password


def _create(username: str) -> User:
    user = User(username=username)
    user.set_unusable_password()
    try:
        user.full_clean(exclude=["password"])
    except ValidationError as error:
        raise Invalid([FieldError("username", "invalid", " ".join(error.messages))]) from None
    user.save()
    return user
