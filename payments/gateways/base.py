"""What every payment provider's adapter does, and the words it answers in. Source: payments.md 4, common adapter rule.

A provider's notice is a hint: it says that something happened. What happened is asked of the provider by `fetch`, over
a connection that we opened, and the caller compares it with its own row before a coin moves.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from fractions import Fraction
from typing import Any, Protocol, runtime_checkable


class GatewayAway(Exception):
    """The provider could not be reached, or failed on its side: ask again later."""


class GatewayRefused(Exception):
    """The provider would not do it, and won't if asked again: our request or our keys are wrong."""


class SavedGone(GatewayRefused):
    """The payer has taken back what the provider kept of theirs."""


class Declined(GatewayRefused):
    """The payer's bank would not pay from what was saved. `reason` is a word of declines.py."""

    def __init__(self, told: str, *, reason: str) -> None:
        super().__init__(told)
        self.reason = reason


class NoSuchPurchase(GatewayRefused):
    """The store knows no purchase of this id, or none of our app."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a provider is answered at our door, in its own words."""

    status: int = 200
    body: Mapping[str, Any] = field(default_factory=lambda: {"received": True})


class BadNotice(Exception):
    """The notice was not signed by the provider, is too old or from the future, or can't be read.

    `reason` is one of few words, to be counted: `signature`, `time`, `unreadable`, `other_account`, `test_purchase`.
    """

    def __init__(self, sentence: str, *, reason: str, reply: Reply | None = None) -> None:
        super().__init__(sentence)
        self.reason = reason
        self.reply = reply or Reply(400, {"error": "not a notice signed by the provider"})


class BadProof(Exception):
    """What an app handed in is no purchase of this store, or none of our app.

    `reason` is one of few words, to be counted: `signature`, `other_app`, `test_purchase`, `unreadable`.
    """

    def __init__(self, sentence: str, *, reason: str) -> None:
        super().__init__(sentence)
        self.reason = reason


class PaymentState(StrEnum):
    OPEN = "open"
    APPROVED = "approved"
    """The payer agreed; the money is taken by `take` (see TakesLater)."""
    SETTLING = "settling"
    """The payer paid, but the money is not final: a bank may still return it."""
    PAID = "paid"
    FAILED = "failed"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Purchase:
    """What is to be paid. `reference` is our own id, which the provider repeats in everything that it says."""

    reference: str
    method: str
    title: str
    amount_minor: int
    currency: str
    language: str
    return_url: str
    cancel_url: str
    expires_at: datetime
    payer: str
    """Our id of the account, for providers that remember who paid."""
    phone: str = ""
    """In digits with the country's code, for methods that ask for it."""
    saves: bool = False
    """The payer agreed that what they pay with is kept for later payments."""
    saved: str = ""
    """The provider's token of what the payer saved there, with consent, at an earlier payment."""
    payer_ref: str = ""
    """The provider's own id of the payer, where it told us one."""
    confirms_in_app: bool = False
    """The app has the provider's own form, where a payer of what was saved answers their bank."""


@dataclass(frozen=True, slots=True)
class Instructions:
    """What the payer is shown who pays by transfer: to which account, with which reference, until when."""

    bank: str
    account_number: str
    account_name: str
    expires_at: datetime
    help_url: str = ""
    reference: str = ""
    """What the payer writes with the transfer, where the account is not theirs alone."""

    def as_dict(self) -> dict[str, str]:
        return {
            "bank": self.bank,
            "account_number": self.account_number,
            "account_name": self.account_name,
            "expires_at": self.expires_at.isoformat(),
            "help_url": self.help_url,
            "reference": self.reference,
        }


@dataclass(frozen=True, slots=True)
class Started:
    """The provider's id of a payment, and what the payer does next: one of the three, or nothing where it is done."""

    provider_ref: str
    redirect_url: str = ""
    client_secret: str = ""
    instructions: Instructions | None = None


@dataclass(frozen=True, slots=True)
class NoticeFacts:
    """What a notice is about, as far as it says: a `payment`, its `return`, how much of it is in `use`, a `warning`,
    what was `saved` and is kept no more, or nothing that we work on.

    `provider_ref` is the id of that payment or warning at the provider, or the token of what was saved. Of a return,
    `payment_ref` is the payment whose money went back, or came back to us.
    """

    event_id: str
    kind: str
    provider_ref: str
    reference: str
    about: str
    payment_ref: str = ""
    reply: Reply = field(default_factory=Reply)


@dataclass(frozen=True, slots=True)
class Saved:
    """A payer's own means that the provider keeps for later payments: its token, and how its owner knows it.

    `payer_ref` is the provider's own id of the payer, `expires_on` the last day on which a card is good.
    """

    token: str
    label: str
    payer_ref: str = ""
    expires_on: date | None = None


@dataclass(frozen=True, slots=True)
class Fetched:
    """A payment as the provider has it now.

    Of a store's purchase `reference` is the account that the app named, `product_id` what was sold, `quantity` times;
    its price is the store's own, 0 where it does not say. `failure` says why it failed, in a word of declines.py.
    """

    state: PaymentState
    amount_minor: int
    currency: str
    reference: str
    payment_ref: str
    is_live: bool
    saved: Saved | None = None
    failure: str = ""
    product_id: str = ""
    quantity: int = 1
    is_partly_back: bool = False
    """A part of a store's purchase was given back before; `revoked` says how much."""


@dataclass(frozen=True, slots=True)
class Warned:
    """A card network's early warning of fraud, as the provider has it now: no money has moved yet."""

    payment_ref: str
    amount_minor: int
    currency: str
    reason: str
    status: str
    opened_at: datetime


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
    answer_by: datetime | None = None
    """Until when a dispute has to be answered, while it has."""


@dataclass(frozen=True, slots=True)
class PaidThere:
    """A payment by its ids at the provider, of its page or order, and of itself, and when we heard that it was paid.
    `reference` is our own id of it, where we have one.
    """

    provider_ref: str
    payment_ref: str
    at: datetime
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Payee:
    """Who gets so much of what goes back: an account by its last digits, as its owner knows it; empty where unknown."""

    account: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class NamedAccount:
    """A bank account as its owner named it: its bank by the code that its market's banks use among themselves.

    Whatever writes one down (a log, a trace) has its bank alone.
    """

    bank: str
    holder: str = field(repr=False)
    number: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Revoked:
    """Such a share of a store's purchase is taken back: `kind` is `refund` or `dispute`."""

    ref: str
    kind: str
    share: Fraction
    at: datetime
    why: str = ""


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

    def refund(self, paid: PaidThere, *, amount_minor: int, currency: str, reference: str, key: str) -> Returned:
        """Asks for a refund, once per key. Raises GatewayAway, GatewayRefused."""
        ...

    def returns_of(self, paid: PaidThere) -> list[Returned]:
        """Every refund and dispute of a payment. Raises GatewayAway, GatewayRefused."""
        ...


@runtime_checkable
class PaysAccounts(Protocol):
    """A gateway that pays back to the very accounts that a payment came from, which may be several."""

    def payees(self, paid: PaidThere, *, amount_minor: int) -> list[Payee]:
        """Whom a refund of so much would go to."""
        ...

    def paid_to(self, references: Sequence[str]) -> Mapping[str, list[Payee]]:
        """Whom the refunds of these references of ours go to, as far as they were asked for."""
        ...


@runtime_checkable
class WantsAccount(Protocol):
    """A gateway some of whose payments can't go back as they came, only to a bank account that their payer names."""

    def paid_to_named_by(self, method: str) -> str:
        """The gateway that pays what came by `method` to such an account: itself or another; empty: none is needed."""
        ...


@runtime_checkable
class PaysNamedAccount(PaysBack, Protocol):
    """A gateway that pays to a bank account which is named."""

    def refund_to(
        self, paid: PaidThere, *, to: NamedAccount, amount_minor: int, currency: str, reference: str, key: str
    ) -> Returned:
        """As `refund`, to that account. Raises GatewayAway, GatewayRefused."""
        ...


@runtime_checkable
class TellsPayer(Protocol):
    """A gateway whose notices may have the name of who paid."""

    def payer_in(self, raw: bytes) -> str:
        """The name in a notice that it signed; empty where there is none."""
        ...


@runtime_checkable
class Accounts(Protocol):
    """A provider that lists what it took and paid back."""

    def lines(self, *, since: datetime, until: datetime) -> Iterator[Line]:
        """What moved on our account there in that time, `until` not included. Raises GatewayAway, GatewayRefused."""
        ...


@runtime_checkable
class Answers(Protocol):
    """A provider that lists nothing, but says of any payment what it took and paid back."""

    def lines_of(self, paid: PaidThere) -> list[Line]:
        """What moved on our account there by one payment. Raises GatewayAway, GatewayRefused."""
        ...


class Gateway(Protocol):
    is_live: bool
    """Whether real money moves: a payment of the other kind is never credited."""
    notice_headers: tuple[str, ...]
    """Headers of a notice that are worth keeping with it; none that opens a door."""

    def start(self, purchase: Purchase, *, key: str) -> Started:
        """Opens a payment, once per key. Raises GatewayAway, GatewayRefused."""
        ...

    def fetch(self, provider_ref: str) -> Fetched:
        """The payment as it stands. Raises GatewayAway, GatewayRefused."""
        ...

    def parse_notice(self, headers: Mapping[str, str], raw: bytes, *, path: str, now: datetime) -> NoticeFacts | Reply:
        """Checks the signature on the raw body before anything reads it.

        `path` is the address that was called, as providers sign it. A Reply is the answer to a call that is no notice,
        such as one for a token. Raises BadNotice, and GatewayAway where the provider's own certificate can't be had.
        """
        ...


@runtime_checkable
class TakesLater(Protocol):
    """A gateway whose payer agrees first, and where the money is taken by a second call of ours."""

    def take(self, provider_ref: str, *, key: str) -> Fetched:
        """Takes what the payer agreed to, once per key. Raises GatewayAway, GatewayRefused."""
        ...


@runtime_checkable
class GoesOn(Protocol):
    """A gateway whose payer comes back with a word for it before they pay."""

    def go_on(self, purchase: Purchase, query: Mapping[str, str], *, key: str) -> Started | None:
        """The next step for a payer who came back with `query`; None where it says nothing of the kind.

        Raises GatewayAway, GatewayRefused.
        """
        ...


@runtime_checkable
class Cancels(Protocol):
    """A gateway that can close a payment's page, so that nobody can pay there any more."""

    def cancel(self, provider_ref: str) -> None:
        """Raises GatewayAway, and GatewayRefused where it was paid, or is over."""
        ...


@runtime_checkable
class OpensByMarket(Protocol):
    """A gateway that takes payments in some markets only, by rows of ours."""

    def takes_in(self, market: str) -> bool: ...


@runtime_checkable
class Remembers(Protocol):
    """A gateway that keeps what payers saved there. With `saved`, `start` takes the money at once: its answer leads to
    a page, or has a client secret for the app's form, where the payer's bank wants to see them after all. It raises
    Declined, SavedGone.
    """

    def forget(self, token: str) -> None:
        """Any number of times. Raises GatewayAway, GatewayRefused."""
        ...

    def keeps(self, token: str) -> bool:
        """Whether it is still kept there. Raises GatewayAway, GatewayRefused."""
        ...


@runtime_checkable
class ConfirmsInApps(Protocol):
    """A gateway whose own form an app can show by a payment's client secret. What is typed there comes to it alone."""

    publishable_key: str
    """With which the app speaks to the provider; no secret. Empty where there is none: then a page takes its place."""


@runtime_checkable
class Finds(Protocol):
    """A gateway that can be asked what became of a payment from what was saved, whose answer never came."""

    def find(self, purchase: Purchase) -> Started | None:
        """None where it never began. Nothing is taken by asking. Raises GatewayAway, GatewayRefused."""
        ...


@runtime_checkable
class Warns(Protocol):
    """A gateway that tells of payments whose card may have been another's."""

    def warning(self, ref: str) -> Warned:
        """A warning as it stands. Raises GatewayAway, GatewayRefused."""
        ...


@runtime_checkable
class Store(Protocol):
    """A store that sells for us: the app pays there first, and hands in what the store gave it."""

    def purchase_of(self, proof: str) -> str:
        """The store's id of the purchase that a proof is about, for `fetch`. Raises BadProof, GatewayAway."""
        ...

    def revoked(self, payment_ref: str) -> list[Revoked]:
        """What of a purchase is taken back at the moment, in order: what was here before and is no more was reversed.

        Raises GatewayAway, GatewayRefused.
        """
        ...


@runtime_checkable
class WantsDelivery(Protocol):
    """A store that takes a purchase back unless it is told that the goods were delivered."""

    def delivered(self, provider_ref: str) -> None:
        """Any number of times. Raises GatewayAway, GatewayRefused."""
        ...


@runtime_checkable
class AsksUse(Protocol):
    """A store that asks how much of a purchase was used before it decides on a refund."""

    def tell_use(self, payment_ref: str, *, used: Fraction) -> None:
        """Raises GatewayAway, GatewayRefused."""
        ...


@runtime_checkable
class TellsAgain(Protocol):
    """A store that can be asked for what it told, or would have told, and did not get through with."""

    def untold(self, *, since: datetime, until: datetime) -> Iterator[tuple[NoticeFacts, bytes]]:
        """As notices, each with its body. Raises GatewayAway, GatewayRefused."""
        ...
