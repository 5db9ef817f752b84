"""Buying on phones: both stores' stand-ins, the app that hands in what it bought, and the post between them and us."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import requests
from django.conf import settings
from django.utils import timezone

from payments import gateways, store_purchases
from payments.models import TopUp
from promote.accounts.models import Account
from promote.markets.models import CoinPack
from tests.payments.counter import Letter, Mailbox, mailbox, post, work_off
from tests.sandbox.stand_in import Provider, provider, sent_all, until

STORES = {"apple": ("ios", "apple"), "google": ("android", "google_play")}
"""Each with its surface and the module of its gateway."""


@dataclass
class Phones:
    stores: dict[str, Provider]
    mail: Mailbox

    def buys(self, store: str, account: Account | None, coins: int = 1000, **facts: Any) -> dict[str, str]:
        """A purchase in the store of what the account's market sells there: its id, and what the app is given."""
        if "product_id" not in facts:
            country = account.country if account else "US"
            facts["product_id"] = CoinPack.objects.get(
                market_id=country, surface=STORES[store][0], coins=coins
            ).product_id
        token = {"account_token": str(account.id)} if account else {}
        return self.stores[store].control("purchases", **{**token, **facts})

    def does(self, store: str, bought: dict[str, str], what: str, **facts: Any) -> dict[str, Any]:
        """What happens to a purchase at the store: `refund`, `reverse`, `lie`, …"""
        return self.stores[store].control(f"purchases/{bought['id']}/{what}", **facts)

    def look(self, store: str, bought: dict[str, str]) -> dict[str, Any]:
        """The purchase as the store has it."""
        answer = requests.get(
            f"{self.stores[store].url}/_ctl/purchases/{bought['id']}",
            headers={"Authorization": "Bearer sandbox"},
            timeout=10,
        )
        found: dict[str, Any] = answer.json()
        return found

    def letters(self, least: int = 1) -> list[Letter]:
        """The notices sent since the last look; waits for so many."""
        until(lambda: len(self.mail.letters) >= least)
        found, self.mail.letters[:] = list(self.mail.letters), []
        return found

    def heard(self, least: int = 1, *, times: int = 1) -> list[Letter]:
        """Every notice since the last look, carried to our door and worked on."""
        found = self.letters(least)
        for letter in found:
            for _ in range(times):
                assert post(letter).status_code == 200
        work_off()
        return found


def handed_in(
    store: str, account: Account, bought: dict[str, str], *, now: datetime | None = None, **facts: Any
) -> TopUp:
    asked = {"caller_surface": STORES[store][0], "method": store, "proof": bought["transaction"], "shares_use": False}
    return store_purchases.hand_in(account=account, now=now or timezone.now(), **{**asked, **facts})


def phones(folder: Path) -> Iterator[Phones]:
    with ExitStack() as stack:
        mail = stack.enter_context(mailbox())
        running = {
            name: stack.enter_context(provider(name, folder, webhook_url=f"{mail.url}/{name}")) for name in STORES
        }
        yield Phones(running, mail)


def a_gateway(here: Phones, name: str, **options: str) -> Any:
    """Ours, speaking to the stand-in, otherwise set where the test says so."""
    own = {"api_base": here.stores[name].url, "public_url": here.mail.url.removesuffix("/webhooks")}
    module = importlib.import_module(f"payments.gateways.{STORES[name][1]}")
    return module.build(settings.GATEWAYS[name] | own | options)


@contextmanager
def offered(name: str, gateway: Any) -> Iterator[None]:
    before = gateways.named(name)
    gateways.offer(name, lambda: gateway)
    try:
        yield
    finally:
        gateways.offer(name, lambda: before)


@contextmanager
def open_stores(here: Phones) -> Iterator[None]:
    with ExitStack() as stack:
        for name in STORES:
            stack.enter_context(offered(name, a_gateway(here, name)))
            here.stores[name].control("answers")
            here.stores[name].control("faults")
            sent_all(here.stores[name])
        here.mail.letters.clear()
        yield
