"""What every payment provider's adapter does, and the words it answers in. Source: payments.md 4, common adapter rule.

A provider's notice is a hint: it says that something happened. What happened is asked of the provider by `fetch`, over
a connection that we opened, and the caller compares it with its own row before a coin moves.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol, runtime_checkable


class GatewayAway(Exception):
    """The provider could not be reached, or failed on its side: ask again later."""


class GatewayRefused(Exception):
    """The provider would not do it, and won't if asked again: our request or our keys are wrong."""


class BadNotice(Exception):
    """The notice was not signed by the provider, is too old or from the future, or can't be read."""


class PaymentState(StrEnum):
    OPEN = "open"
    PAID = "paid"
    FAILED = "failed"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Purchase:
    """What is to be paid. `reference` is our own id, which the provider repeats in everything that it says."""

    reference: str
    title: str
    amount_minor: int
    currency: str
    language: str
    return_url: str
    cancel_url: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Started:
    """Where the payer pays, and the provider's id of that page."""

    redirect_url: str
    provider_ref: str


@dataclass(frozen=True, slots=True)
class NoticeFacts:
    """What a notice is about, as far as it says. `concerns_us` is false for kinds that change nothing of ours.

    `about_return`: money of the payment `payment_ref` went back, or came back to us.
    """

    event_id: str
    kind: str
    provider_ref: str
    reference: str
    concerns_us: bool
    about_return: bool = False
    payment_ref: str = ""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A payment as the provider has it now."""

    state: PaymentState
    amount_minor: int
    currency: str
    reference: str
    payment_ref: str
    is_live: bool


class ReturnedState(StrEnum):
    UNDER_WAY = "under_way"
    DONE = "done"
    UNDONE = "undone"
    """The money came back to us: a refund failed, a dispute was won."""


@dataclass(frozen=True, slots=True)
class Returned:
    """Money of a payment that went back, as the provider has it now. `reference` is our own id, where we asked for it.

    `kind` is `refund` or `dispute`; `failure` says why a refund of ours came back.
    """

    ref: str
    kind: str
    state: ReturnedState
    amount_minor: int
    currency: str
    reference: str = ""
    why: str = ""
    failure: str = ""


class LineKind(StrEnum):
    """What a line of a provider's account is about."""

    PAYMENT = "payment"
    REFUND = "refund"
    REFUND_FAILED = "refund_failed"
    DISPUTE = "dispute"
    DISPUTE_WON = "dispute_won"
    PAYOUT = "payout"
    FEE = "fee"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the provider's account with us: `amount_minor` as it moved our balance there, below zero for what left,
    the fee of it apart. `subject` is the id of what it is about (a refund's, a dispute's, a payout's), `payment_ref`
    that of the payment.
    """

    ref: str
    kind: LineKind
    at: datetime
    amount_minor: int
    fee_minor: int
    currency: str
    payment_ref: str = ""
    subject: str = ""
    method: str = ""


@runtime_checkable
class PaysBack(Protocol):
    """A provider through which money goes back to its payer."""

    def refund(self, payment_ref: str, *, amount_minor: int, currency: str, reference: str, key: str) -> Returned:
        """Asks for a refund, once per key. Raises GatewayAway, GatewayRefused."""
        ...

    def returns_of(self, payment_ref: str) -> list[Returned]:
        """Every refund and dispute of a payment. Raises GatewayAway, GatewayRefused."""
        ...


@runtime_checkable
class Accounts(Protocol):
    """A provider that says what it took and paid back."""

    def lines(self, *, since: datetime, until: datetime) -> Iterator[Line]:
        """What moved on our account there in that time, `until` not included. Raises GatewayAway, GatewayRefused."""
        ...


class Gateway(Protocol):
    is_live: bool
    """Whether real money moves: a payment of the other kind is never credited."""

    def start(self, purchase: Purchase, *, key: str) -> Started:
        """Opens a payment page, once per key. Raises GatewayAway, GatewayRefused."""
        ...

    def fetch(self, provider_ref: str) -> Fetched:
        """The payment as it stands. Raises GatewayAway, GatewayRefused."""
        ...

    def parse_notice(self, headers: Mapping[str, str], raw: bytes, *, now: datetime) -> NoticeFacts:
        """Checks the signature on the raw body before anything reads it. Raises BadNotice."""
        ...
