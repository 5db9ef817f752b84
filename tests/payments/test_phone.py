"""The demo's phone: what a newcomer does to buy coins in the stores' stand-ins."""

from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.utils import timezone

from payments import wallet
from promote.keys import platform_keys
from sandbox.demo.memory import Memory
from sandbox.phone.phone import Phone
from sandbox.providers.plumbing.server import Request, Response
from tests.builders import an_account
from tests.payments.phones import Phones

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def phone(on_phones: Phones, live_server, tmp_path: Path) -> Phone:
    _key, text = platform_keys.create(name="Demo platform", scopes=["tokens"], now=timezone.now())
    memory = Memory(tmp_path)
    memory.set("url", live_server.url)
    memory.set("key", text)
    return Phone(tmp_path, {name: store.url for name, store in on_phones.stores.items()})


def asked(phone: Phone, place: str, press: str = "") -> Response:
    url = urlsplit(place)
    body = f"answer={press}".encode()
    return phone.route(Request("POST" if press else "GET", url.path, {}, url.query, body if press else b""))


def test_a_newcomer_buys_on_both_phones_and_asks_for_a_refund(phone: Phone, on_phones: Phones) -> None:
    clay = an_account(external_id="clay.and.kiln", country="GB")
    assert b"clay.and.kiln, GB" in asked(phone, "/").body
    for kind, store in (("ios", "apple"), ("android", "google")):
        place = f"/shop?account=clay.and.kiln&phone={kind}"
        assert b"GBP 9.90" in asked(phone, place).body
        assert asked(phone, place, "buy:coins_1000").status == 303
        page = asked(phone, place).body.decode()
        assert "1,000 coins: paid." in page
        assert "Test mode" in page
        on_phones.heard()
        (bought,) = phone._owners["clay.and.kiln", kind].bought
        asked(phone, place, f"refund:{bought.store_id}")
        on_phones.heard()
        assert "0 coins" in asked(phone, place).body.decode(), store
    asked(phone, place, "later:coins_100")
    assert "100 coins: pending." in asked(phone, place).body.decode()
    assert wallet.balance(account=clay).free_coins == 0


def test_a_market_without_the_store_says_so_and_a_strange_address_leads_to_the_choice(phone: Phone) -> None:
    an_account(external_id="rumah.sari", country="ID")
    assert b"sells coins by other methods" in asked(phone, "/shop?account=rumah.sari&phone=android").body
    assert b"Whose phone is it?" in asked(phone, "/shop?account=nobody&phone=ios").body
