"""What every payment provider's adapter does, and the words it answers in. Source: payments.md 4, common adapter rule.

A provider's notice is a hint: it says that something happened. What happened is asked of the provider by `fetch`, over
a connection that we opened, and the caller compares it with its own row before a coin moves.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol


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
    """What a notice is about, as far as it says. `concerns_us` is false for kinds that change no top-up."""

    event_id: str
    kind: str
    provider_ref: str
    reference: str
    concerns_us: bool


@dataclass(frozen=True, slots=True)
class Fetched:
    """A payment as the provider has it now."""

    state: PaymentState
    amount_minor: int
    currency: str
    reference: str
    payment_ref: str
    is_live: bool


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
