"""Offline bank transfer: our own bank account, our own references. What arrived is what two persons approved of it.

There is no provider to ask: the statements that finance imported are its answers (payments/bank/).
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from django.db.models import Max, Sum
from django.utils import timezone

from payments.bank import payouts, references
from payments.gateways.base import (
    BadNotice,
    Fetched,
    GatewayRefused,
    Instructions,
    Line,
    LineKind,
    NoticeFacts,
    PaidThere,
    PaymentState,
    Purchase,
    Reply,
    Returned,
    ReturnedState,
    Started,
)
from payments.models import BankAccount, BankMatch, BankPayout, MatchState, PayoutState, TopUp
from promote import ids

NAME = "bank_transfer"
_STATES = {PayoutState.SENT: ReturnedState.DONE, PayoutState.FAILED: ReturnedState.UNDONE}


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
        payout = payouts.ask(top_up=top_up, amount_minor=amount_minor, reference=reference, now=timezone.now())
        return _returned(payout)

    def returns_of(self, paid: PaidThere) -> list[Returned]:
        return [_returned(payout) for payout in _of(payment_ref=paid.payment_ref).bank_payouts.order_by("asked_at")]

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
        sent = BankPayout.objects.filter(state=PayoutState.SENT, decided_at__gte=since, decided_at__lt=until)
        for payout in sent.select_related("top_up").order_by("decided_at"):
            at = payout.decided_at or payout.asked_at
            facts = {"payment_ref": payout.top_up.payment_ref, "subject": _ref(payout), "method": payout.top_up.method}
            yield Line(f"{_ref(payout)}:out", LineKind.REFUND, at, -payout.amount_minor, 0, payout.currency, **facts)
            ref = f"{_ref(payout)}:bank"
            yield Line(ref, LineKind.PAYOUT, at, payout.amount_minor, 0, payout.currency, subject=_ref(payout))


def _of(**by: str) -> TopUp:
    found = TopUp.objects.filter(gateway=NAME, **by).first()
    if found is None:
        raise GatewayRefused("no transfer has this reference")
    return found


def _sum(top_up: TopUp, state: MatchState) -> int:
    found: int | None = top_up.bank_matches.filter(state=state).aggregate(sum=Sum("amount_minor"))["sum"]
    return found or 0


def _returned(payout: BankPayout) -> Returned:
    state = _STATES.get(PayoutState(payout.state), ReturnedState.UNDER_WAY)
    failure = payout.told if state == ReturnedState.UNDONE else ""
    return Returned(
        _ref(payout), "refund", state, payout.amount_minor, payout.currency, reference=payout.reference, failure=failure
    )


def _ref(payout: BankPayout) -> str:
    return f"payout:{payout.id.hex}"
