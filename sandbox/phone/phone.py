"""The app's pages: whose phone it is, what its store sells, and what became of what was bought."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode

import requests

from sandbox.demo.catalogue import ACCOUNTS
from sandbox.demo.memory import Memory
from sandbox.providers.plumbing import pages
from sandbox.providers.plumbing.server import Request, Response
from sandbox.providers.plumbing.stand_in import CONTROL_KEY

_FOLDER = Path(__file__).parent / "page"
_TIMEOUT_S = 15
_APP_VERSION = "20.10.0"
_PHONES = {"ios": ("iPhone", "apple", "App Store"), "android": ("Android phone", "google", "Google Play")}
_WITHOUT_MINOR = frozenset({"JPY", "KRW", "VND"})


class Trouble(Exception):
    """Promote or a store said no; its words are shown."""


@dataclass
class Bought:
    """A purchase that was made on a phone, as the store knows it."""

    store_id: str
    what: str
    state: str = "bought"


@dataclass
class Owner:
    """Somebody's phone: what they bought on it since this process began, and what the app says next."""

    account: str
    phone: str
    bought: list[Bought] = field(default_factory=list)
    said: str = ""

    @property
    def place(self) -> str:
        return "/shop?" + urlencode({"account": self.account, "phone": self.phone})


class Phone:
    """A phone of the demo's people: buys coins in the App Store's and Google Play's stand-ins."""

    def __init__(self, data: Path, stores: dict[str, str]) -> None:
        self._data, self._stores = data, stores
        self._owners: dict[tuple[str, str], Owner] = {}

    def route(self, request: Request) -> Response:
        if request.path == "/health":
            return Response(200, {"status": "ok"})
        if request.path == "/assets/page.css":
            return pages.style("page.css")
        query = {name: values[0] for name, values in parse_qs(request.query).items()}
        account, phone = query.get("account", ""), query.get("phone", "")
        if request.path != "/shop" or account not in ACCOUNTS or phone not in _PHONES:
            return self._choice()
        owner = self._owners.setdefault((account, phone), Owner(account, phone))
        try:
            if request.method == "POST":
                form = parse_qs(request.body.decode("utf-8", "replace"))
                self._press(owner, form.get("answer", [""])[0])
                return pages.see_other(owner.place)
            return self._shop(owner)
        except (Trouble, requests.RequestException) as trouble:
            if request.method == "POST":
                owner.said = f"It did not work: {trouble}"
                return pages.see_other(owner.place)
            text = f"Promote does not answer as it should: {trouble}"
            return pages.closed(503, provider="a phone", title="Not now", text=text)

    # pages

    def _choice(self) -> Response:
        rows = "".join(
            f'<a class="fill" href="{escape(Owner(account, phone).place)}"><span>{escape(facts["username"])}, '
            f"{escape(facts['country'])}</span><span>{name}</span></a>"
            for account, facts in ACCOUNTS.items()
            for phone, (name, _store, _title) in _PHONES.items()
        )
        return self._page(title="Whose phone is it?", text="The demo's people, each with both kinds.", body=rows)

    def _shop(self, owner: Owner) -> Response:
        app = self._app(owner)
        coins = app("GET", "/wallet")
        sold = [one for one in app("GET", "/top-ups/methods")["results"] if one["in_app"]]
        body = "".join(_bought_row(one, owner.phone) for one in reversed(owner.bought))
        text = "In this market the app sells coins by other methods than this store: see them on the pages."
        for method in sold:
            text = "What the store sells. By buying you agree that the store may be told how much of it you used."
            if owner.phone == "android" and method["packs"]:
                least = method["packs"][0]
                body += _button(f"later:{escape(least['product_id'])}", _coins(least), "Pay later, in cash")
            body += "".join(_pack_row(pack) for pack in method["packs"])
        said, owner.said = owner.said, ""
        name, _store, title = _PHONES[owner.phone]
        return self._page(
            title=f"{coins['coins']:,} coins" + (f", {coins['debt_coins']:,} owed" if coins["debt_coins"] else ""),
            text=text,
            body=body,
            said=said,
            over=f"{ACCOUNTS[owner.account]['username']} on an {name}",
            provider=title,
            way_back="/",
        )

    def _page(
        self,
        *,
        title: str,
        text: str,
        body: str,
        said: str = "",
        over: str = "Promote's app",
        provider: str = "the app stores",
        way_back: str = "",
    ) -> Response:
        page = pages.template(_FOLDER, "shop.html").substitute(
            banner=pages.banner(provider),
            over=escape(over),
            title=escape(title),
            text=escape(text),
            said=f'<p class="problem" role="status">{escape(said)}</p>' if said else "",
            body=body,
            back=f'<a class="back" href="{way_back}">Another phone</a>' if way_back else "",
        )
        return pages.html(200, page)

    # what is pressed

    def _press(self, owner: Owner, answer: str) -> None:
        what, _, subject = answer.partition(":")
        acts: dict[str, Callable[[Owner, str], None]] = {"buy": self._buy, "later": self._buy_later}
        if what in acts:
            acts[what](owner, subject)
            return
        for one in owner.bought:
            if one.store_id == subject and what in ("refund", "reverse", "pay", "cancel"):
                self._store(owner, f"purchases/{subject}/{what}", {})
                one.state = {"refund": "refunded", "reverse": "bought", "pay": "bought", "cancel": "cancelled"}[what]
                owner.said = "The store has done it, and tells Promote. Look again in a second."

    def _buy(self, owner: Owner, product_id: str, *, pending: bool = False) -> None:
        """At the store, with Promote's account named to it; then the app hands in what it was given."""
        app = self._app(owner)
        (method,) = [one for one in app("GET", "/top-ups/methods")["results"] if one["in_app"]]
        pack = next((one for one in method["packs"] if one["product_id"] == product_id), None)
        if pack is None:
            raise Trouble("the store does not sell this here")
        asked = {
            "product_id": product_id,
            "account_token": method["account_token"],
            "price": _thousandths(pack["price"]),
            "currency": pack["price"]["currency"],
        }
        given = self._store(owner, "purchases", asked | ({"pending": True} if pending else {}))
        state = "waits for cash" if pending else "bought"
        owner.bought.append(Bought(given["id"], _coins(pack), state))
        body = {"method": method["method"], "transaction": given["transaction"], "shares_use": True}
        top_up = app("POST", "/top-ups", body)
        owner.said = f"{top_up['coins']:,} coins: {top_up['status']}."

    def _buy_later(self, owner: Owner, product_id: str) -> None:
        self._buy(owner, product_id, pending=True)

    # who is asked

    def _app(self, owner: Owner) -> Callable[..., dict[str, Any]]:
        """Promote's API as the owner's app calls it. Raises Trouble."""
        demo = Memory(self._data)
        api = f"{demo['url']}/api/v1"
        path = f"/platform/accounts/{owner.account}/tokens"
        key = {"Authorization": f"Api-Key {demo['key']}"}
        token = _answered(
            requests.post(api + path, json={"app_platform": owner.phone}, headers=key, timeout=_TIMEOUT_S)
        )
        headers = {
            "Authorization": f"Bearer {token['access']}",
            "X-App-Platform": owner.phone,
            "X-App-Version": _APP_VERSION,
        }

        def call(method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
            once = {"Idempotency-Key": str(uuid.uuid4())} if body else {}
            answer = requests.request(method, api + path, json=body, headers=headers | once, timeout=_TIMEOUT_S)
            return _answered(answer)

        return call

    def _store(self, owner: Owner, path: str, asked: dict[str, Any]) -> dict[str, Any]:
        address = self._stores[_PHONES[owner.phone][1]]
        headers = {"Authorization": f"Bearer {CONTROL_KEY}"}
        return _answered(requests.post(f"{address}/_ctl/{path}", json=asked, headers=headers, timeout=_TIMEOUT_S))


def _pack_row(pack: dict[str, Any]) -> str:
    return _button(f"buy:{escape(pack['product_id'])}", _coins(pack), _shown(pack["price"]))


def _coins(pack: dict[str, Any]) -> str:
    return f"{pack['coins']:,} coins"


def _bought_row(one: Bought, phone: str) -> str:
    offers = {
        "bought": [("refund", "Ask the store for a refund")],
        "refunded": [("reverse", "The store takes its refund back")] if phone == "ios" else [],
        "waits for cash": [("pay", "Pay the cash"), ("cancel", "Let it lapse")],
    }
    what = f"{one.what}, {one.state}"
    rows = [_button(f"{act}:{escape(one.store_id)}", what, label) for act, label in offers.get(one.state, [])]
    return "".join(rows) or f'<p class="fill"><span>{escape(what)}</span></p>'


def _button(answer: str, label: str, value: str) -> str:
    return (
        f'<button class="fill" name="answer" value="{answer}"><span>{escape(label)}</span>'
        f'<span class="figure">{escape(value)}</span></button>'
    )


def _shown(price: dict[str, Any]) -> str:
    minor, currency = price["amount_minor"], price["currency"]
    amount = f"{minor:,}" if currency in _WITHOUT_MINOR else f"{minor // 100:,}.{minor % 100:02d}"
    return f"{currency} {amount}"


def _thousandths(price: dict[str, Any]) -> int:
    return int(price["amount_minor"]) * (1000 if price["currency"] in _WITHOUT_MINOR else 10)


def _answered(answer: requests.Response) -> dict[str, Any]:
    try:
        body = answer.json()
    except ValueError:
        raise Trouble(f"answered {answer.status_code}") from None
    if answer.status_code >= 300:
        raise Trouble(str(body.get("detail") or body.get("message") or answer.status_code))
    return dict(body)
