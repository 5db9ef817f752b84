"""Money of a payment that went back: what the provider says of it, and what becomes of the payment's coins.

A notice (or the poll, or finance) makes `confirm` ask the provider. What we asked for ourselves is a withdrawal's
(withdrawals.py).
Source: DESIGN.md 2 (withdrawal) and 6.10, payments.md 1.3 and 2.2.
"""

import logging
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import connection, transaction

from payments import clawbacks, fiat, gateways, providers
from payments.gateways import amounts
from payments.gateways.base import PaysBack, Returned, ReturnedState, Revoked, Store
from payments.models import Lot, PaymentReturn, ReturnKind, ReturnState, TopUp, TopUpStatus

log = logging.getLogger(__name__)


class ReturnDiffers(Exception):
    """The provider gave back what we can't place: another currency, or more than was paid. Finance decides."""


def confirm(*, top_up_id: UUID, now: datetime) -> list[PaymentReturn]:
    """Asks the provider what of a payment went back, and takes its coins, or gives them back, as it says.

    Each return in a transaction of its own (a store's together, see `_of_store`); again, it changes nothing. Raises
    GatewayAway, GatewayRefused, and ReturnDiffers, which also stands on the top-up.
    """
    top_up = TopUp.objects.get(id=top_up_id)
    if top_up.status != TopUpStatus.PAID or not top_up.payment_ref:
        return []
    provider = gateways.named(top_up.gateway)
    if isinstance(provider, Store):
        return _of_store(top_up, provider, now=now)
    if not isinstance(provider, PaysBack):
        return []
    said = providers.ask(top_up.gateway, lambda _: provider.returns_of(providers.there(top_up)))
    found = [one for one in said if not one.reference]
    return [known for one in found if (known := _follow(top_up.id, one, now=now)) is not None]


def take(
    *,
    top_up_id: UUID,
    kind: ReturnKind,
    provider_ref: str,
    amount_minor: int,
    now: datetime,
    why: str = "",
    under_way: bool = False,
    answer_by: datetime | None = None,
) -> PaymentReturn:
    """So much of a payment went back to its payer: its coins are taken back, the books say it. Once per `provider_ref`.

    Coins are cumulative: floor(coins × returned ÷ paid), so a payment that went back whole takes all of its coins, but
    for those that finance has charged back before.
    Raises ReturnDiffers where more would go back than was paid.
    """
    with transaction.atomic():
        top_up = TopUp.objects.select_for_update(of=("self",)).select_related("account").get(id=top_up_id)
        known = PaymentReturn.objects.filter(gateway=top_up.gateway, provider_ref=provider_ref).first()
        if known is not None:
            return known
        if amount_minor > top_up.returnable_minor:
            raise ReturnDiffers(
                f"{kind} {provider_ref}: {amount_minor} went back, of which {top_up.returnable_minor} were left"
            )
        lot = Lot.objects.select_related("account").get(top_up=top_up.id)
        made = PaymentReturn.objects.create(
            top_up=top_up,
            kind=kind,
            state=ReturnState.UNDER_WAY if under_way else ReturnState.DONE,
            gateway=top_up.gateway,
            provider_ref=provider_ref,
            amount_minor=amount_minor,
            currency=top_up.currency,
            coins=min(_coins_of(top_up, amount_minor), clawbacks.left([lot])[lot.id]),
            why=why[:64],
            answer_by=answer_by,
            noticed_at=now,
            done_at=None if under_way else now,
        )
        _post(made, amount_minor=amount_minor, key=f"return:{made.public_id}:fiat", now=now)
        if made.coins:
            clawbacks.claw_back(
                lot=lot, coins=made.coins, key=_key(made), disputed=kind == ReturnKind.DISPUTE and under_way, now=now
            )
        return made


def conclude(*, returned_id: UUID, now: datetime) -> None:
    """What was under way has gone back for good: a dispute is lost. Nothing where it was decided before."""
    with transaction.atomic():
        made = _locked(returned_id)
        if made.state == ReturnState.UNDER_WAY:
            made.state, made.done_at = ReturnState.DONE, now
            made.save(update_fields=["state", "done_at"])
            clawbacks.conclude(lot=Lot.objects.get(top_up=made.top_up_id), key=_key(made), now=now)


def undo(*, returned_id: UUID, now: datetime) -> None:
    """The money is ours again: a dispute was won, a refund failed or was reversed. A new journal gives coins back."""
    with transaction.atomic():
        made = _locked(returned_id)
        if made.state == ReturnState.UNDONE:
            return
        made.state, made.undone_at = ReturnState.UNDONE, now
        made.save(update_fields=["state", "undone_at"])
        _post(made, amount_minor=-made.amount_minor, key=f"return:{made.public_id}:undone:fiat", now=now)
        if made.coins:
            lot = Lot.objects.select_related("account").get(top_up=made.top_up_id)
            clawbacks.give_back(lot=lot, key=_key(made), now=now)


def _follow(top_up_id: UUID, said: Returned, *, now: datetime) -> PaymentReturn | None:
    top_up = TopUp.objects.get(id=top_up_id)
    known = PaymentReturn.objects.filter(gateway=top_up.gateway, provider_ref=said.ref).first()
    try:
        if said.currency != top_up.currency:
            raise ReturnDiffers(f"{said.kind} {said.ref}: in {said.currency}, paid in {top_up.currency}")
        if known is None and said.state != ReturnedState.UNDONE:
            known = take(
                top_up_id=top_up_id,
                kind=ReturnKind(said.kind),
                provider_ref=said.ref,
                amount_minor=said.amount_minor,
                why=said.why,
                under_way=said.state == ReturnedState.UNDER_WAY,
                answer_by=said.answer_by,
                now=now,
            )
    except ReturnDiffers as difference:
        log.error("top-up %s: %s", top_up, difference)
        TopUp.objects.filter(id=top_up_id).update(problem=str(difference))
        raise
    if known is not None and said.answer_by != known.answer_by:
        PaymentReturn.objects.filter(id=known.id, state=ReturnState.UNDER_WAY).update(answer_by=said.answer_by)
    if known is not None and said.state == ReturnedState.DONE:
        conclude(returned_id=known.id, now=now)
    if known is not None and said.state == ReturnedState.UNDONE:
        undo(returned_id=known.id, now=now)
    return known


def _of_store(top_up: TopUp, store: Store, *, now: datetime) -> list[PaymentReturn]:
    """One after the other: a store says what stands now, so the answer that was given first is followed first. The
    earlier of two that overtook each other would take back what was reversed since.
    """
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"returns:{top_up.id.hex}"])
        stands = providers.ask(top_up.gateway, lambda _: store.revoked(top_up.payment_ref))
        return _follow_store(top_up, stands, now=now)


def _follow_store(top_up: TopUp, revoked: Sequence[Revoked], *, now: datetime) -> list[PaymentReturn]:
    """A store says what is taken back now: what stood and is not among it was reversed, and comes first."""
    stands = PaymentReturn.objects.filter(top_up=top_up).exclude(state=ReturnState.UNDONE).exclude(provider_ref="")
    for gone in stands.exclude(provider_ref__in=[one.ref for one in revoked]):
        undo(returned_id=gone.id, now=now)
    taken = []
    parts = amounts.parts(top_up.amount_minor, [one.share for one in revoked])
    for one, amount in zip(revoked, parts, strict=True):
        if amount:
            kind = ReturnKind(one.kind)
            made = take(top_up_id=top_up.id, kind=kind, provider_ref=one.ref, amount_minor=amount, why=one.why, now=now)
            taken.append(made)
    return taken


def _coins_of(top_up: TopUp, amount_minor: int) -> int:
    standing = PaymentReturn.objects.filter(top_up=top_up).exclude(state=ReturnState.UNDONE)
    gone_minor = top_up.amount_minor - top_up.returnable_minor + amount_minor
    gone_coins = sum(standing.values_list("coins", flat=True))
    return max(0, top_up.coins * gone_minor // top_up.amount_minor - gone_coins)


def _post(made: PaymentReturn, *, amount_minor: int, key: str, now: datetime) -> None:
    """What the provider gave back leaves its clearing account, below zero where it came back."""
    movements = fiat.moved(
        made.currency, debit="taken_back", credit=f"clearing:{made.gateway}", amount_minor=amount_minor
    )
    fiat.post(kind="return_fiat", key=key, ref=made.public_id, movements=movements, now=now)


def _locked(returned_id: UUID) -> PaymentReturn:
    """The return under its top-up's lock, which comes first."""
    top_up_id = PaymentReturn.objects.values_list("top_up_id", flat=True).get(id=returned_id)
    TopUp.objects.select_for_update(of=("self",)).get(id=top_up_id)
    return PaymentReturn.objects.get(id=returned_id)


def _key(made: PaymentReturn) -> str:
    return f"return:{made.public_id}"
