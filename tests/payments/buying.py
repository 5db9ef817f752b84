"""Buying coins in tests: the real Stripe stand-in as a process, and its notices carried to our door by hand, so that
a test decides which arrive, when, in what order and how often."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from django.db.models import QuerySet
from django.test import Client
from django.utils import timezone

from payments import gateways, notices, top_ups
from payments.gateways.stripe import StripeGateway
from payments.models import Notice, NoticeState, TopUp
from promote.accounts.models import Account
from promote.markets.models import CoinPack
from tests.builders import a_number, an_account
from tests.sandbox.stand_in import SECRET_KEY, WEBHOOK_SECRET, Endpoint, StandIn, endpoint, sent_all, stand_in, until

HOOK = "/webhooks/stripe"
PUBLISHABLE_KEY = "pk_test_of_this_test"
RETURN_URL = "http://127.0.0.1:8000/wallet/top-ups/{top_up}/"


@dataclass
class Till:
    """The provider, a payer, and the post between them and us."""

    stripe: StandIn
    outbox: Endpoint
    carried: int = 0

    def pays(self, top_up: TopUp, number: str = "4242424242424242") -> None:
        self.stripe.pay(top_up.redirect_url, number)

    def notices(self, *wanted: str) -> list[tuple[dict[str, str], bytes]]:
        """The notices sent since the last look; waits until each of the wanted kinds is among them."""
        until(lambda: set(wanted) <= set(self.outbox.types[self.carried :]))
        found = self.outbox.received[self.carried :]
        self.carried = len(self.outbox.received)
        return found

    def of_kind(self, kind: str) -> tuple[dict[str, str], bytes]:
        found = [notice for notice in self.notices(kind) if f'"type": "{kind}"'.encode() in notice[1]]
        return found[0]


def till(folder: Path) -> Iterator[Till]:
    with endpoint() as outbox, stand_in(folder, webhook_url=outbox.url) as stripe:
        yield Till(stripe, outbox)


@contextmanager
def offered(here: Till) -> Iterator[None]:
    """Our gateway, speaking to the stand-in."""
    gateway = StripeGateway(
        secret_key=SECRET_KEY,
        webhook_secrets=[WEBHOOK_SECRET],
        api_base=here.stripe.url,
        publishable_key=PUBLISHABLE_KEY,
    )
    before = gateways.named("stripe")
    gateways.offer("stripe", lambda: gateway)
    sent_all(here.stripe)
    here.outbox.received.clear()
    here.carried = 0
    try:
        yield
    finally:
        here.stripe.control("faults")
        gateways.offer("stripe", lambda: before)


@contextmanager
def without(name: str) -> Iterator[None]:
    """While a provider's keys are missing."""
    before = gateways.named(name)
    gateways.withdraw(name)
    try:
        yield
    finally:
        gateways.offer(name, lambda: before)


def a_top_up(account: Account | None = None, *, coins: int = 1000, now: datetime | None = None, **facts: Any) -> TopUp:
    """A card payment that has been started on the web and waits for its payer."""
    account = account or an_account()
    pack = CoinPack.objects.get(market_id=account.country, surface="web", coins=coins)
    asked = {"caller_surface": "web", "method": "card", "pack_id": pack.pk, "key": f"key-{a_number()}", **facts}
    return top_ups.start(account=account, return_url=RETURN_URL, now=now or timezone.now(), **asked)


def deliver(notice: tuple[dict[str, str], bytes], **headers: str) -> Any:
    """Puts a notice into our mailbox as the provider does."""
    sent, body = notice
    headers = {"Stripe-Signature": sent["Stripe-Signature"], **headers}
    return Client().post(HOOK, body, content_type="application/json; charset=utf-8", headers=headers)


def taken() -> QuerySet[Notice]:
    """The notices whose signature was right."""
    return Notice.objects.exclude(state=NoticeState.REFUSED)


def work_off(*, now: datetime | None = None) -> None:
    """What the worker does with waiting notices."""
    notices.process_due(limit=100, now=now or timezone.now())


def state_of(notice: tuple[dict[str, str], bytes]) -> str:
    import json

    return Notice.objects.get(event_id=json.loads(notice[1])["id"]).state
