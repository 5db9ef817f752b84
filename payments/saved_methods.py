"""Means of payment that a payer let the provider keep: remembered with consent, used with one press, forgotten at will.

Of a card we hold its kind, last four digits and expiry; all else is the provider's. What pays is taken by top_ups.py.
Source: DESIGN.md 2 (saved PayPal), docs/adr/0017.
"""

import logging
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from payments import gateways, providers, saved_tokens
from payments.gateways.base import Gateway, GatewayAway, GatewayRefused, Remembers, Saved
from payments.models import SavedMethod, TopUp, TopUpStatus
from promote import ids, notifications
from promote.accounts.models import Account
from promote.refusals import FieldError, Invalid, NotFound, Text

log = logging.getLogger(__name__)

AGAIN_AFTER = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Terms:
    """What a payer agrees to. `by_choosing`: who takes the method agrees by it; else it is asked, and may be left."""

    words: Text
    by_choosing: bool = False


TERMS: Mapping[str, Terms] = {
    "card": Terms(
        _(
            "Save this card for next time: then one press pays. Stripe keeps it, and Promote takes from it only what "
            "you buy here; we see its kind, last four digits and expiry. Remove it at any time in your wallet."
        )
    ),
    "paypal_reference": Terms(
        _(
            "You agree once on PayPal's page that Promote may take later payments; then one press pays. "
            "Take it back at any time in your wallet."
        ),
        by_choosing=True,
    ),
}
"""By method; what is not here is never saved."""


@dataclass(frozen=True, slots=True)
class Choice:
    """How a payment is made: from what was saved, or anew and perhaps kept, by the words that its payer agreed to."""

    saved: SavedMethod | None = None
    consent: str = ""
    confirms_in_app: bool = False
    """The app has the provider's own form, should the bank want to see its customer."""


def of(*, account: Account) -> dict[str, list[SavedMethod]]:
    """What the account has saved, by method, the newest first."""
    found: defaultdict[str, list[SavedMethod]] = defaultdict(list)
    for one in account.saved_methods.filter(removed_at=None).order_by("-consented_at", "-id"):
        found[one.method].append(one)
    return dict(found)


def choose(*, account: Account, method: str, saved: str, save: bool, now: datetime) -> Choice:
    """`saved` is the public id of what pays, `save` whether the payer ticked the method's words.

    Raises Invalid where it is not saved by this account for this method, has expired, or nothing can be.
    """
    terms = TERMS.get(method)
    if terms is None:
        if saved or save:
            told = _("This method can't be saved.")
            raise Invalid([FieldError("saved" if saved else "save", "invalid", told)])
        return Choice()
    mine = of(account=account).get(method, [])
    if terms.by_choosing and not saved:
        return Choice(mine[0]) if mine else Choice(consent=str(terms.words))
    if not saved:
        return Choice(consent=str(terms.words) if save else "")
    found = next((one for one in mine if one.public_id == saved), None)
    if found is None:
        raise Invalid([FieldError("saved", "invalid_choice", _("It is saved no more. Choose another way to pay."))])
    if found.is_expired(now.date()):
        told = _("This card has expired. Choose another way to pay, and remove it in your wallet.")
        raise Invalid([FieldError("saved", "expired", told)])
    return Choice(found)


def words_to_tick(method: str) -> str | None:
    """What a payer is asked beside a tick that is off; None where nothing is saved, or by choosing the method."""
    terms = TERMS.get(method)
    return str(terms.words) if terms and not terms.by_choosing else None


def payer_ref(*, account: Account, gateway: str) -> str:
    """The provider's id of this payer, where it ever told us one: what they save comes together there."""
    known = SavedMethod.objects.filter(account=account, gateway=gateway).exclude(payer_ref="")
    return known.order_by("-consented_at").values_list("payer_ref", flat=True).first() or ""


def remember(*, top_up: TopUp, saved: Saved, now: datetime) -> None:
    """In the transaction that credits the payment: keeps what its payer agreed to save when they started it.

    The same card saved again takes the place of the one before.
    """
    label = _masked(saved.label)
    mine = SavedMethod.objects.filter(account=top_up.account_id, method=top_up.method, removed_at=None)
    if top_up.saved_id or not top_up.consent:
        return
    before = list(mine.select_for_update().filter(label=label, expires_on=saved.expires_on))
    for one in before:
        one.removed_at = one.release_at = now
        one.save(update_fields=["removed_at", "release_at"])
    SavedMethod.objects.create(
        account=top_up.account,
        method=top_up.method,
        gateway=top_up.gateway,
        **saved_tokens.sealed(saved.token),
        payer_ref=saved.payer_ref,
        label=label,
        expires_on=saved.expires_on,
        first_top_up=top_up,
        consent=top_up.consent,
        consented_at=top_up.started_at,
    )


def is_awaited(top_up: TopUp) -> bool:
    """Whether it is paid, and what its payer agreed to save by it never came."""
    if top_up.status != TopUpStatus.PAID or not top_up.consent or top_up.saved_id:
        return False
    return not SavedMethod.objects.filter(first_top_up=top_up.id).exists()


def forget(*, account: Account, public_id: str, now: datetime) -> None:
    """From now on it pays nothing more; the provider is told at once, else by `release_due`, until it has let go.

    Raises NotFound, also for another's.
    """
    with transaction.atomic():
        found = account.saved_methods.select_for_update().filter(id=ids.parse("sav", public_id)).first()
        if found is None:
            raise NotFound
        if found.removed_at is not None:
            return
        found.removed_at = found.release_at = now
        found.save(update_fields=["removed_at", "release_at"])
    _release(found.id, now=now)


def release_due(*, limit: int, now: datetime) -> int:
    """Tells the providers of up to `limit` that were removed and that they still keep; how many were tried."""
    due = SavedMethod.objects.filter(release_at__lte=now).order_by("release_at").values_list("id", "gateway")
    tried, this_round = list(due[:limit]), providers.Round()
    for saved_id, gateway in tried:
        if this_round.has_time_for(gateway):
            this_round.note(gateway, is_answered=_release(saved_id, now=now))
        else:
            _claim(saved_id, now=now)  # others have their turn before it
    return len(tried)


def told_gone(*, gateway: str, token: str, now: datetime) -> bool:
    """The provider says that a payer took back what it kept of theirs: our own question decides. Whether it was saved
    here. Raises GatewayAway, GatewayRefused.
    """
    saved = saved_tokens.find(gateway=gateway, token=token)
    if saved is not None and not providers.ask(gateway, lambda asked: _keeps(asked, token)):
        is_gone(saved, now=now)
    return saved is not None


def is_gone(saved: SavedMethod, *, now: datetime) -> None:
    """Its owner has taken it back at the provider: it pays no more here, and they are told."""
    with transaction.atomic():
        if SavedMethod.objects.filter(id=saved.id, removed_at=None).update(removed_at=now, token="", token_digest=""):
            payload = {"method": saved.method, "label": saved.label}
            notifications.notify(account=saved.account, kind="saved_method_gone", payload=payload, now=now)


def _keeps(gateway: Gateway, token: str) -> bool:
    return isinstance(gateway, Remembers) and gateway.keeps(token)


def _claim(saved_id: UUID, *, now: datetime) -> bool:
    """Put off until the next try; whether it was to be let go of."""
    return bool(SavedMethod.objects.filter(id=saved_id, release_at__lte=now).update(release_at=now + AGAIN_AFTER))


def _release(saved_id: UUID, *, now: datetime) -> bool:
    """Whether its provider was there."""
    if not _claim(saved_id, now=now):
        return True
    saved = SavedMethod.objects.get(id=saved_id)
    token = saved_tokens.opened(saved)
    try:
        if token:
            providers.ask(saved.gateway, lambda gateway: _forget(gateway, token))
    except (GatewayAway, GatewayRefused, gateways.NoSuchGateway) as error:
        log.error("%s keeps %s, which its owner removed; it is told again: %s", saved.gateway, saved.public_id, error)
        return not isinstance(error, GatewayAway)
    SavedMethod.objects.filter(id=saved_id).update(token="", token_digest="", release_at=None)
    return True


def _forget(gateway: Gateway, token: str) -> None:
    if isinstance(gateway, Remembers):
        gateway.forget(token)


def _masked(label: str) -> str:
    """`rahayu@example.com` → `r…@example.com`: enough for its owner. A card's label says little enough."""
    name, at, host = label.partition("@")
    return (f"{name[:1]}…{at}{host}" if at else label)[:64]
