"""Every way to pay, at the providers' stand-ins: what a payer does on each page, and the post between them and us.

Notices are carried to our door by hand, so that a test decides which arrive, when, in what order and how often.
"""

from __future__ import annotations

import importlib
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests
from django.conf import settings
from django.test import Client
from django.utils import timezone

from payments import gateways, notices, top_ups
from payments.gateways.base import Gateway, Reply
from payments.models import TopUp
from promote.accounts.models import Account
from promote.markets.models import CoinPack
from tests.builders import a_number, an_account
from tests.payments.buying import RETURN_URL, Till
from tests.payments.transfers import approved, csv, imported, paying
from tests.sandbox.stand_in import Provider, provider, sent_all, until

PHONE = "+62 812-3456-7890"
_MODULES = {"paypal": "paypal", "doku": "doku", "2c2p": "two_c_two_p"}


@dataclass
class Letter:
    """A notice as it came."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Mailbox:
    """Where the stand-ins' notices arrive. For DOKU it gives a token of ours, as our own door would."""

    url: str = ""
    letters: list[Letter] = field(default_factory=list)


@contextmanager
def mailbox() -> Iterator[Mailbox]:
    here = Mailbox()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path.endswith("/b2b"):
                reply = gateways.named("doku").parse_notice(self.headers, body, path=self.path, now=timezone.now())
                assert isinstance(reply, Reply)
                self._answer(json.dumps(dict(reply.body)).encode())
                return
            here.letters.append(Letter(self.path, dict(self.headers.items()), body))
            self._answer(b"{}")

        def _answer(self, body: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    here.url = f"http://127.0.0.1:{server.server_port}/webhooks"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield here
    finally:
        server.shutdown()
        server.server_close()


@dataclass
class Counter:
    """The providers, a payer, and the post."""

    till: Till
    providers: dict[str, Provider]
    mail: Mailbox
    gateways: dict[str, Gateway]
    """Ours, speaking to the stand-ins."""

    def letters(self, *, least: int = 1) -> list[Letter]:
        """The notices sent since the last look; waits for the first."""
        until(lambda: len(self.mail.letters) >= least)
        found, self.mail.letters[:] = list(self.mail.letters), []
        return found

    def of(self, top_up: TopUp) -> Provider:
        return self.providers[top_up.gateway]

    def control(self, top_up: TopUp, what: str, **facts: Any) -> None:
        self.of(top_up).control(f"payments/{top_up.provider_ref.rpartition('.')[2]}/{what}", **facts)

    def pays(self, top_up: TopUp) -> None:
        WAYS[top_up.method].pays(self, top_up)

    def declines(self, top_up: TopUp) -> None:
        WAYS[top_up.method].declines(self, top_up)

    def lapses(self, top_up: TopUp) -> None:
        """Nobody pays until the payment's time is over."""
        if top_up.gateway == "stripe":
            self.till.stripe.control(f"sessions/{top_up.provider_ref}/lapse")
        elif top_up.gateway in ("paypal", "bank_transfer"):
            TopUp.objects.filter(id=top_up.id).update(expires_at=timezone.now() - timedelta(seconds=1))
        else:
            if top_up.method == "ovo":
                links_ovo(self, top_up)  # before that it is no payment of DOKU's yet
            self.control(top_up, "lapse")


def counter(folder: Path, here: Till) -> Iterator[Counter]:
    with ExitStack() as stack:
        mail = stack.enter_context(mailbox())
        running = {
            name: stack.enter_context(provider(name, folder, webhook_url=f"{mail.url}/{name}")) for name in _MODULES
        }
        yield Counter(here, running, mail, {name: _gateway(name, running[name].url, mail) for name in _MODULES})


def _gateway(name: str, url: str, mail: Mailbox) -> Gateway:
    options = settings.GATEWAYS[name] | {"api_base": url, "public_url": mail.url.removesuffix("/webhooks")}
    built: Gateway = importlib.import_module(f"payments.gateways.{_MODULES[name]}").build(options)
    return built


@contextmanager
def open_counter(here: Counter) -> Iterator[None]:
    before = {name: gateways.named(name) for name in _MODULES}
    for name, built in here.gateways.items():
        gateways.offer(name, lambda built=built: built)
        here.providers[name].control("answers")
        here.providers[name].control("faults")
        sent_all(here.providers[name])
    here.mail.letters.clear()
    try:
        yield
    finally:
        for name, gateway in before.items():
            gateways.offer(name, lambda gateway=gateway: gateway)


def buys(
    market: str,
    method: str,
    *,
    account: Account | None = None,
    coins: int = 1000,
    surface: str = "web",
    **facts: Any,
) -> TopUp:
    """A payment that has been started and waits for its payer."""
    account = account or an_account(country=market)
    pack = CoinPack.objects.get(market_id=market, surface=surface, coins=coins)
    asked = {"caller_surface": surface, "method": method, "pack_id": pack.pk, "key": f"key-{a_number()}"}
    asked["phone"] = PHONE
    return top_ups.start(account=account, return_url=RETURN_URL, now=timezone.now(), **{**asked, **facts})


def post(letter: Letter, **headers: str) -> Any:
    """Puts a notice into our mailbox as its provider does."""
    sent = {name: value for name, value in letter.headers.items() if name.lower() not in ("host", "content-length")}
    return Client().post(letter.path, letter.body, content_type="application/json", headers={**sent, **headers})


def work_off(*, ahead_s: int = 0) -> None:
    notices.process_due(limit=100, now=timezone.now() + timedelta(seconds=ahead_s))


def confirmed(top_up: TopUp, *, ahead_s: int = 0) -> TopUp:
    return top_ups.confirm(top_up_id=top_up.id, now=timezone.now() + timedelta(seconds=ahead_s))


@dataclass(frozen=True)
class Way:
    """What a payer does who pays by one method, and who would not."""

    pays: Callable[[Counter, TopUp], None]
    declines: Callable[[Counter, TopUp], None]


def _card(here: Counter, top_up: TopUp) -> None:
    here.till.pays(top_up)


def _debit(number: str) -> Callable[[Counter, TopUp], None]:
    def act(here: Counter, top_up: TopUp) -> None:
        requests.post(f"{top_up.redirect_url}/debit", data={"account": number}, timeout=10, allow_redirects=False)
        here.till.stripe.control(f"sessions/{top_up.provider_ref}/settle")

    return act


def _answers(choice: str) -> Callable[[Counter, TopUp], None]:
    def act(here: Counter, top_up: TopUp) -> None:
        here.of(top_up).answers(top_up.redirect_url, choice)

    return act


def links_ovo(here: Counter, top_up: TopUp, choice: str = "agree") -> TopUp:
    """Back from OVO's first page, whose word leads on to the second."""
    back = here.of(top_up).answers(top_up.redirect_url, choice).headers["Location"]
    query = {name: values[0] for name, values in parse_qs(urlsplit(back).query).items()}
    found, _ = top_ups.came_back(
        account=top_up.account, public_id=top_up.public_id, query=query, return_url=RETURN_URL, now=timezone.now()
    )
    return found


def _ovo(choice: str) -> Callable[[Counter, TopUp], None]:
    def act(here: Counter, top_up: TopUp) -> None:
        linked = links_ovo(here, top_up)
        here.of(top_up).answers(linked.redirect_url, choice)

    return act


def _transfer(here: Counter, top_up: TopUp) -> None:
    here.of(top_up).answers(top_up.instructions["help_url"], "pay")


def _transfer_by_hand(here: Counter, top_up: TopUp) -> None:
    imported(csv(paying(top_up)))
    approved(top_up)


def _lets_lapse(here: Counter, top_up: TopUp) -> None:
    here.lapses(top_up)


WAYS = {
    "card": Way(_card, _lets_lapse),
    "direct_debit": Way(_debit("000123456789"), _debit("000222222227")),
    "paypal": Way(_answers("pay"), _answers("decline")),
    "paypal_reference": Way(_answers("pay"), _answers("decline")),
    "dana": Way(_answers("pay"), _answers("decline")),
    "ovo": Way(_ovo("pay"), _ovo("decline")),
    "doku_bank_transfer": Way(_transfer, _lets_lapse),
    "offline_bank_transfer": Way(_transfer_by_hand, _lets_lapse),
    "rabbit_line_pay": Way(_answers("pay"), _answers("decline")),
    "2c2p_bank_transfer": Way(_answers("pay"), _answers("decline")),
    "truemoney": Way(_answers("pay"), _answers("decline")),
}
