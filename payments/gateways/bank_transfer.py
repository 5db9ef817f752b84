"""Offline bank transfer: our own bank account, our own references. What arrived is what two persons approved of it.

There is no provider to ask: the statements that finance imported are its answers (payments/bank/). What another
provider took and can't pay back leaves by our bank too, to the account that its payer names.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Max, QuerySet, Sum
from django.utils import timezone

from payments.bank import payouts, references
from payments.gateways.base import (
    BadNotice,
    Fetched,
    GatewayRefused,
    Instructions,
    Line,
    LineKind,
    NamedAccount,
    NoticeFacts,
    PaidThere,
    Payee,
    PaymentState,
    Purchase,
    Reply,
    Returned,
    ReturnedState,
    Started,
)
from payments.models import (
    BankAccount,
    BankMatch,
    BankPayout,
    MatchState,
    PaymentReturn,
    PayoutState,
    ReturnState,
    TopUp,
)
from promote import ids

NAME = "bank_transfer"


def build(options: Mapping[str, Any]) -> "BankTransferGateway":
    return BankTransferGateway(is_live=options["is_live"])


class BankTransferGateway:
    notice_headers: tuple[str, ...] = ()

    def __init__(self, *, is_live: bool) -> None:
        self.is_live = is_live

    def takes_in(self, market: str) -> bool:
        return BankAccount.objects.filter(market=market, enabled=True).exists()

    def start(self, purchase: Purchase, *, key: str) -> Started:
        bought_in = TopUp.objects.filter(id=ids.parse("top", purchase.reference)).values("market")
        account = BankAccount.objects.filter(enabled=True, market__in=bought_in).first()
        if account is None:
            raise GatewayRefused("no bank account of ours takes transfers in this market")
        reference = references.take()
        return Started(
            provider_ref=reference,
            instructions=Instructions(
                bank=account.bank,
                account_number=account.number,
                account_name=account.holder,
                expires_at=purchase.expires_at,
                reference=references.grouped(reference),
            ),
        )

    def fetch(self, provider_ref: str) -> Fetched:
        top_up = _of(provider_ref=provider_ref)
        approved, proposed = (_sum(top_up, state) for state in (MatchState.APPROVED, MatchState.PROPOSED))
        if approved == top_up.amount_minor:
            state = PaymentState.PAID
        elif approved + proposed == top_up.amount_minor:
            state = PaymentState.SETTLING
        else:
            state = PaymentState.EXPIRED if top_up.expires_at <= timezone.now() else PaymentState.OPEN
        return Fetched(state, top_up.amount_minor, top_up.currency, top_up.public_id, provider_ref, self.is_live)

    def parse_notice(self, headers: Mapping[str, str], raw: bytes, *, path: str, now: datetime) -> NoticeFacts | Reply:
        raise BadNotice("a bank sends us no notices", reason="unreadable")

    def refund(self, paid: PaidThere, *, amount_minor: int, currency: str, reference: str, key: str) -> Returned:
        top_up = _of(payment_ref=paid.payment_ref)
        if currency != top_up.currency:
            raise GatewayRefused(f"{paid.payment_ref} was paid in {top_up.currency}")
        try:
            parts = payouts.ask(top_up=top_up, amount_minor=amount_minor, reference=reference, now=timezone.now())
        except payouts.NotSoMuch as error:
            raise GatewayRefused(str(error)) from error
        return _returned(parts)

    def refund_to(
        self, paid: PaidThere, *, to: NamedAccount, amount_minor: int, currency: str, reference: str, key: str
    ) -> Returned:
        """Of a payment that another gateway took. `to` is the row that the withdrawal's part names: it goes on the list
        sealed, and is opened by who sends it.
        """
        payout = payouts.ask_named(
            top_up_id=_id(paid), amount_minor=amount_minor, currency=currency, reference=reference, now=timezone.now()
        )
        return _returned([payout])

    def returns_of(self, paid: PaidThere) -> list[Returned]:
        refunds = payouts.by_reference(BankPayout.objects.filter(top_up=_id(paid)))
        return [_returned(parts) for parts in refunds.values()]

    def payees(self, paid: PaidThere, *, amount_minor: int) -> list[Payee]:
        top_up = _of(payment_ref=paid.payment_ref)
        try:
            shares = payouts.shares(top_up=top_up, amount_minor=amount_minor, after_minor=_not_asked_yet(top_up))
        except payouts.NotSoMuch:  # something is asked for at this moment
            return []
        return [Payee(_known_by(match.line.payer_account), part) for match, part in shares]

    def paid_to(self, references: Sequence[str]) -> Mapping[str, list[Payee]]:
        refunds = payouts.by_reference(BankPayout.objects.filter(reference__in=references))
        return {
            reference: [Payee(_known_by(one.payee_account), one.amount_minor) for one in parts]
            for reference, parts in refunds.items()
        }

    def lines(self, *, since: datetime, until: datetime) -> Iterator[Line]:
        """What was approved, and what was sent back. It is at our bank at once: each is paid out with it."""
        matches = BankMatch.objects.filter(state=MatchState.APPROVED).exclude(top_up=None)
        paid = matches.values("top_up__payment_ref", "top_up__currency", "top_up__method").annotate(
            amount=Sum("amount_minor"), at=Max("decided_at"), booked_on=Max("line__booked_on")
        )
        for one in paid.filter(at__gte=since, at__lt=until).order_by("at"):
            ref, currency = one["top_up__payment_ref"], one["top_up__currency"]
            facts = {"payment_ref": ref, "method": one["top_up__method"]}
            yield Line(f"{ref}:in", LineKind.PAYMENT, one["at"], one["amount"], 0, currency, **facts)
            yield Line(f"{ref}:bank", LineKind.PAYOUT, one["at"], -one["amount"], 0, currency, subject=ref)
        decided = BankPayout.objects.filter(state=PayoutState.SENT, decided_at__gte=since, decided_at__lt=until)
        beside = BankPayout.objects.filter(reference__in=decided.values("reference")).select_related("top_up")
        yield from _sent(beside, since=since, until=until)


def _of(**by: str) -> TopUp:
    found = TopUp.objects.filter(gateway=NAME, **by).first()
    if found is None:
        raise GatewayRefused("no transfer has this reference")
    return found


def _id(paid: PaidThere) -> UUID:
    """A payment by our own id: we are its provider here, or pay back in another's place."""
    return ids.parse("top", paid.reference)


def _sum(top_up: TopUp, state: MatchState) -> int:
    found: int | None = top_up.bank_matches.filter(state=state).aggregate(sum=Sum("amount_minor"))["sum"]
    return found or 0


def _sent(sent: QuerySet[BankPayout], *, since: datetime, until: datetime) -> Iterator[Line]:
    """A refund is a line once the last of its parts was sent."""
    for parts in payouts.by_reference(sent).values():
        at = max(one.decided_at or until for one in parts)
        if _state(parts) != ReturnedState.DONE or not since <= at < until:
            continue
        top_up, subject, amount = parts[0].top_up, _ref(parts), sum(one.amount_minor for one in parts)
        facts = {"payment_ref": top_up.payment_ref, "subject": subject, "method": top_up.method}
        yield Line(f"{subject}:out", LineKind.REFUND, at, -amount, 0, top_up.currency, **facts)
        yield Line(f"{subject}:bank", LineKind.PAYOUT, at, amount, 0, top_up.currency, subject=subject)


def _returned(parts: Sequence[BankPayout]) -> Returned:
    state = _state(parts)
    return Returned(
        ref=_ref(parts),
        kind="refund",
        state=state,
        amount_minor=sum(one.amount_minor for one in parts),
        currency=parts[0].currency,
        reference=parts[0].reference,
        failure=parts[0].told if state == ReturnedState.UNDONE else "",
    )


def _state(parts: Sequence[BankPayout]) -> ReturnedState:
    states = {one.state for one in parts}
    if PayoutState.FAILED in states:  # all of them, then
        return ReturnedState.UNDONE
    return ReturnedState.DONE if states == {PayoutState.SENT} else ReturnedState.UNDER_WAY


def _not_asked_yet(top_up: TopUp) -> int:
    """Of withdrawals that wait for our staff, or for the worker: they go first."""
    waiting = PaymentReturn.objects.filter(top_up=top_up, state=ReturnState.UNDER_WAY, provider_ref="")
    found: int | None = waiting.aggregate(sum=Sum("amount_minor"))["sum"]
    return found or 0


def _known_by(account: str) -> str:
    dense = "".join(account.split())
    return f"•••• {dense[-4:] if len(dense) > 6 else dense[-2:]}" if dense else ""


def _ref(parts: Sequence[BankPayout]) -> str:
    return f"payout:{parts[0].id.hex}"
