"""Logs, and what staff reads, carry no secret, token, card number or full name, whatever a provider's answer quotes."""

import importlib
import json
import logging
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.conf import settings
from django.core.cache import cache
from django.utils import timezone

from payments import gateways, providers, saved_tokens, top_ups
from payments.gateways.base import BadNotice, BadProof, GatewayAway, GatewayRefused, PaidThere, Purchase
from payments.models import BillingDetails, SavedMethod, TopUp
from tests.api.callers import a_browser
from tests.builders import an_account
from tests.payments.buying import Till, a_top_up

pytestmark = pytest.mark.django_db

NAME, TOKEN, ACCESS, PHONE = "Rahayu Lestari", "pm_1Qx7vTokenOfHers", "A21AAaccessOfOurs9", "6281234567890"
CARD = "4242 4242 4242 4242"
MODULES = {name: name for name in ("stripe", "paypal", "doku", "apple")} | {
    "2c2p": "two_c_two_p",
    "google": "google_play",
}
SAYS = f"{NAME} may not pay by {TOKEN}; your key was {ACCESS} {PHONE}"
ALL_THAT_PROVIDERS_SAY = {
    "error": {"type": "invalid_request_error", "code": "resource_missing", "message": SAYS, "status": SAYS},
    "name": SAYS,
    "message": SAYS,
    "details": [{"issue": SAYS, "description": SAYS}],
    "responseCode": SAYS,
    "responseMessage": SAYS,
    "respCode": SAYS,
    "respDesc": SAYS,
    "errorCode": 4040010,
    "errorMessage": SAYS,
    "error_description": SAYS,
}


@pytest.fixture(scope="module")
def quoting() -> Iterator[str]:
    """A provider that gives tokens, and says no to all else in words that quote what it was asked and by whom."""

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            gives = "token" in self.path.rpartition("/")[2] or "access-token" in self.path
            body = {"access_token": ACCESS, "accessToken": ACCESS, "expires_in": 900, "expiresIn": 900}
            sent = json.dumps(body if gives else ALL_THAT_PROVIDERS_SAY).encode()
            self.send_response(200 if gives else 422)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        do_GET = do_POST = do_DELETE = do_PUT = answer  # noqa: N815  (http.server's names)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def secrets_of(name: str) -> list[str]:
    """Every key of this provider's in the settings."""
    public = ("environment", "api_base", "public_url", "bundle_id", "app_id", "package_name")
    return [str(value) for key, value in settings.GATEWAYS[name].items() if key not in public and len(str(value)) > 5]


@pytest.mark.parametrize("name", list(MODULES))
def test_what_a_provider_says_is_not_quoted(quoting: str, name: str, caplog: pytest.LogCaptureFixture) -> None:
    options = settings.GATEWAYS[name] | {"api_base": quoting, "public_url": "http://127.0.0.1:8000"}
    gateway = importlib.import_module(f"payments.gateways.{MODULES[name]}").build(options)
    caplog.set_level(logging.INFO)
    now = timezone.now()
    purchase = Purchase(
        reference="top_00", method="card", title="1,000 coins", amount_minor=100_00, currency="USD", language="en",
        return_url="http://127.0.0.1/", cancel_url="http://127.0.0.1/", expires_at=now + timedelta(hours=1),
        payer="00", phone=PHONE, saved=TOKEN, payer_ref="cus_1",
    )  # fmt: skip
    if name == "doku":
        purchase = replace(purchase, method="ovo", currency="IDR")
    if name == "2c2p":
        purchase = replace(purchase, method="truemoney", currency="THB")
    paid = PaidThere("va.00" if name == "doku" else "ref00", "pay00", now)
    asked = [
        lambda: gateway.start(purchase, key="key-1"),
        lambda: gateway.fetch("dana.00" if name == "doku" else "1000000000000001"),
        lambda: gateway.parse_notice({"Authorization": f"Bearer {TOKEN}"}, SAYS.encode(), path="/webhooks/x", now=now),
    ]
    asked += [lambda: gateway.forget(TOKEN)] if hasattr(gateway, "forget") else []
    asked += [lambda: gateway.returns_of(paid)] if hasattr(gateway, "returns_of") and name != "doku" else []
    asked += [lambda: gateway.revoked("1000000000000001")] if hasattr(gateway, "revoked") else []
    asked += [lambda: gateway.purchase_of(f"{TOKEN} {NAME}")] if hasattr(gateway, "purchase_of") else []
    told = []
    for question in asked:
        try:
            question()
        except (GatewayAway, GatewayRefused, BadNotice, BadProof) as error:
            told.append(str(error))
    assert len(told) >= 3
    written = f"{told} {caplog.text}"
    for secret in (NAME, "Rahayu", "Lestari", TOKEN, ACCESS, PHONE, *secrets_of(name)):
        assert secret not in written


def test_a_saved_card_that_stripe_does_not_know_is_not_named_in_the_log(
    at_till: Till, caplog: pytest.LogCaptureFixture
) -> None:
    account = an_account()
    first = a_top_up(account, save=True)
    at_till.pays(first)
    top_ups.confirm(top_up_id=first.id, now=timezone.now())
    saved, told = account.saved_methods.get(), "pm_1UnknownAtStripe"
    SavedMethod.objects.update(**saved_tokens.sealed(told))
    caplog.set_level(logging.INFO)
    second = a_top_up(account, saved=saved.public_id)
    top_ups.confirm(top_up_id=second.id, now=timezone.now())
    assert f"top-up {second}" in caplog.text
    assert told not in caplog.text
    assert TopUp.objects.get(id=second.id).failure == "gone"


def test_what_hides_a_provider_is_no_address_of_its_payment() -> None:
    options = settings.GATEWAYS["stripe"] | {"api_base": "http://127.0.0.1:9"}
    gateway = importlib.import_module("payments.gateways.stripe").build(options)
    before = gateways.named("stripe")
    gateways.offer("stripe", lambda: gateway)
    try:
        for _ in range(providers.FAILURES_IN_A_ROW):
            with pytest.raises(GatewayAway):
                providers.ask("stripe", lambda one: one.fetch("pi_1Secret"))
        pause = providers.pause_of("stripe")
        assert pause is not None
        assert "pi_1Secret" not in pause.error
    finally:
        gateways.offer("stripe", lambda: before)
        cache.clear()


@pytest.mark.parametrize("field", ["method", "pack", "saved", "phone", "transaction"])
def test_a_card_number_starts_no_payment_and_is_not_logged(field: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    account = an_account()
    asked = {"method": "card", "pack": "pack_1", field: CARD, "card_number": CARD}
    answer = a_browser(account).post("/top-ups", asked, Idempotency_Key="key-1")
    assert answer.status_code == 400
    assert CARD not in answer.content.decode() + caplog.text
    assert not account.top_ups.exists()


@pytest.mark.parametrize("field", ["name", "address"])
@pytest.mark.parametrize("number", [CARD, CARD.replace(" ", "-"), "378282246310005"])
def test_a_card_number_stands_on_no_invoice(field: str, number: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    account = an_account()
    answer = a_browser(account).ask("PUT", "/billing-details", {"name": "Ayu", field: f"Ayu {number}"})
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "card_number")
    assert number not in answer.content.decode() + caplog.text
    assert not BillingDetails.objects.exists()


def test_a_long_number_that_is_no_cards_may_stand_on_an_invoice() -> None:
    told = {"name": "Ayu", "address": "Gang 4242424242424241, 0800 1234 5678", "tax_id": "5103054404900003"}
    assert a_browser(an_account()).ask("PUT", "/billing-details", told).status_code == 200
