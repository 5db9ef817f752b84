"""Notices of PayPal, DOKU and 2C2P that are not what they seem, and payments of something else: refused and counted."""

import base64
import hashlib
import hmac
import json
import zlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from django.conf import settings
from django.test import Client
from django.utils import timezone

from payments import gateways, top_ups
from payments.gateways import amounts
from payments.gateways.paypal import PaypalGateway
from payments.models import Lot, Notice, Refused, TopUp, TopUpStatus
from tests.payments.buying import taken
from tests.payments.counter import Counter, Letter, buys, confirmed, post, work_off

pytestmark = pytest.mark.django_db

ONE_OF_EACH = [("AU", "paypal"), ("ID", "dana"), ("ID", "doku_bank_transfer"), ("TH", "truemoney")]


def a_letter(here: Counter, market: str, method: str) -> tuple[TopUp, Letter]:
    top_up = buys(market, method)
    here.pays(top_up)
    return top_up, here.letters()[0]


def reasons() -> list[str]:
    return sorted(Refused.objects.values_list("reason", flat=True))


@pytest.mark.parametrize(("market", "method"), ONE_OF_EACH)
def test_a_tampered_body_is_refused_and_counted(at_counter: Counter, market: str, method: str) -> None:
    _, letter = a_letter(at_counter, market, method)
    changed = letter.body[:-3] + bytes([letter.body[-3] ^ 1]) + letter.body[-2:]
    for body in (changed, letter.body + b" ", b"", b"[]"):
        if method == "truemoney" and body == letter.body + b" ":
            continue  # what it signs is inside the body
        refused = post(Letter(letter.path, letter.headers, body))
        assert refused.status_code in (400, 401)
    assert not taken().exists()
    assert sum(Refused.objects.values_list("times", flat=True)) == 3 if method == "truemoney" else 4


@pytest.mark.parametrize(("market", "method"), ONE_OF_EACH)
def test_a_replayed_notice_is_counted_and_credits_once(at_counter: Counter, market: str, method: str) -> None:
    top_up, letter = a_letter(at_counter, market, method)
    for _ in range(3):
        assert post(letter).status_code == 200
        work_off()
    assert Notice.objects.get().times_received == 3
    assert Lot.objects.filter(top_up=top_up.id).count() == 1


@pytest.mark.parametrize("lie", [{"amount": "1.00"}, {"currency": "USD"}, {"reference": "other"}])
@pytest.mark.parametrize(("market", "method"), ONE_OF_EACH)
def test_a_payment_of_something_else_buys_nothing_and_is_shown_to_ops(
    at_counter: Counter, market: str, method: str, lie: dict[str, str]
) -> None:
    top_up = buys(market, method)
    at_counter.control(top_up, "pay", **lie)
    with pytest.raises(top_ups.Mismatch):
        confirmed(top_up)
    top_up.refresh_from_db()
    assert (top_up.status, top_up.check_at) == (TopUpStatus.PENDING, None)
    assert "instead of" in top_up.problem
    assert reasons() == ["other_payment"]
    assert not Lot.objects.exists()
    if method == "paypal":
        captures = [row for row in at_counter.of(top_up).look("requests") if row["path"].endswith("/capture")]
        assert not [row for row in captures if top_up.provider_ref in row["path"]], "no money was taken for it"


@pytest.mark.parametrize(("code", "amount"), [("5015", "351.00"), ("5016", "3.00"), ("5017", "350.00")])
def test_a_transfer_of_too_much_too_little_or_too_late_is_looked_at(
    at_counter: Counter, code: str, amount: str
) -> None:
    top_up = buys("TH", "2c2p_bank_transfer")
    at_counter.control(top_up, "pay", code=code, amount=amount)
    if code == "5017":
        assert confirmed(top_up).status == TopUpStatus.PAID  # late money buys its coins
        return
    with pytest.raises(top_ups.Mismatch):
        confirmed(top_up)


@pytest.mark.parametrize(
    ("code", "status"),
    [
        *((code, "failed") for code in ("0003", "4051", "4099", "5007", "5010", "5014")),
        *((code, "pending") for code in ("4009", "5002")),
        *((code, "paid") for code in ("0000", "4110", "4121")),
    ],
)
def test_what_2c2p_says_of_a_payment_ends_it_or_does_not(at_counter: Counter, code: str, status: str) -> None:
    """By 2C2P's own list of response codes; a wallet's no is an answer, and no notice that is given up."""
    top_up = buys("TH", "truemoney")
    at_counter.control(top_up, "pay", code=code)
    for letter in at_counter.letters():
        assert post(letter).status_code == 200
    work_off()
    top_up.refresh_from_db()
    assert (top_up.status, Notice.objects.get().state) == (status, "done")


@pytest.mark.parametrize("name", ["paypal", "doku", "2c2p"])
def test_test_money_buys_nothing_where_live_money_is_taken(at_counter: Counter, name: str) -> None:
    market, method = {"paypal": ("AU", "paypal"), "doku": ("ID", "dana"), "2c2p": ("TH", "truemoney")}[name]
    top_up = buys(market, method)
    at_counter.pays(top_up)
    gateway = gateways.named(name)

    class Live:
        is_live = True

        def fetch(self, ref: str) -> Any:
            return gateway.fetch(ref)

    gateways.offer(name, Live)  # type: ignore[arg-type]
    with pytest.raises(top_ups.Mismatch, match="live mode"):
        confirmed(top_up)


# PayPal


def paypal_letter(
    here: Counter,
    body: bytes = b'{"id":"WH-1","event_type":"PAYMENT.CAPTURE.COMPLETED","resource":{}}',
    *,
    key: rsa.RSAPrivateKey | None = None,
    webhook_id: str = "",
    at: datetime | None = None,
    **headers: str,
) -> Any:
    """A notice signed by whoever we say, for whichever webhook."""
    when = (at or timezone.now()).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    signed = f"id-1|{when}|{webhook_id or settings.GATEWAYS['paypal']['webhook_id']}|{zlib.crc32(body)}".encode()
    key = key or rsa.generate_private_key(public_exponent=65537, key_size=2048)
    sent = {
        "Paypal-Transmission-Id": "id-1",
        "Paypal-Transmission-Time": when,
        "Paypal-Transmission-Sig": base64.b64encode(key.sign(signed, padding.PKCS1v15(), hashes.SHA256())).decode(),
        "Paypal-Cert-Url": f"{here.providers['paypal'].url}/v1/notifications/certs/CERT-x",
        "Paypal-Auth-Algo": "SHA256withRSA",
        **headers,
    }
    return Client().post("/webhooks/paypal", body, content_type="application/json", headers=sent)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:1/v1/notifications/certs/CERT-x",
        "https://evil.example/cert.pem",
        "https://paypal.com.evil.example/cert.pem",
        "https://api.paypal.com@evil.example/cert.pem",
        "file:///etc/passwd",
        "http://[",
    ],
)
def test_a_certificate_from_elsewhere_is_not_even_fetched(at_counter: Counter, url: str) -> None:
    assert paypal_letter(at_counter, **{"Paypal-Cert-Url": url}).status_code == 400
    assert reasons() == ["signature"]


@pytest.mark.parametrize(
    ("url", "is_theirs"),
    [
        ("https://api.paypal.com/v1/notifications/certs/CERT-1", True),
        ("https://api.sandbox.paypal.com/v1/notifications/certs/CERT-1", True),
        ("http://api.paypal.com/v1/notifications/certs/CERT-1", False),
        ("https://paypal.com.evil.example/x", False),
        ("https://evilpaypal.com/x", False),
        ("https://api.paypal.com:8443/x", False),
        (r"https://evil.example\.paypal.com/x", False),
        (r"https://evil.example:443\.paypal.com/x", False),
        ("https://evil.example;.paypal.com/x", False),
        ("https://evil.example%2f.paypal.com/x", False),
        ("https://api.paypal.com/x?next=https://evil.example", False),
    ],
)
def test_the_real_one_signs_from_its_own_hosts_by_tls(url: str, is_theirs: bool) -> None:
    real = PaypalGateway(client_id="a", client_secret="b", webhook_id="c")
    assert real.is_live
    assert real._is_theirs(url) is is_theirs


def test_a_notice_signed_by_another_key_or_for_another_webhook_is_refused(
    at_counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, letter = a_letter(at_counter, "AU", "paypal")
    certificate = letter.headers["PAYPAL-CERT-URL"]
    assert paypal_letter(at_counter, **{"Paypal-Cert-Url": certificate}).status_code == 400
    monkeypatch.setattr(gateways.named("paypal"), "_webhook_id", "WH-OF-ANOTHER-ACCOUNT")
    assert post(letter).status_code == 400
    assert reasons() == ["signature"]


@pytest.mark.parametrize(("age", "reason"), [(timedelta(days=4), "time"), (timedelta(minutes=-30), "time")])
def test_a_notice_of_another_time_is_refused(at_counter: Counter, age: timedelta, reason: str) -> None:
    assert paypal_letter(at_counter, at=timezone.now() - age).status_code == 400
    assert reasons() == [reason]


def test_a_certificate_that_is_over_signs_nothing(at_counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=9))
        .not_valid_after(now - timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    url = f"{at_counter.providers['paypal'].url}/v1/notifications/certs/CERT-x"
    monkeypatch.setitem(gateways.named("paypal")._certificates, url, certificate)  # type: ignore[attr-defined]
    assert paypal_letter(at_counter, key=key).status_code == 400


# DOKU


def doku_token(**facts: Any) -> str:
    key = serialization.load_der_private_key(base64.b64decode(settings.GATEWAYS["doku"]["private_key"]), None)
    claims = {
        "exp": int(timezone.now().timestamp()) + 900,
        "iss": "promote",
        "clientId": settings.GATEWAYS["doku"]["client_id"],
        **facts,
    }
    return jwt.encode(claims, key, algorithm="RS256")  # type: ignore[arg-type]


def doku_letter(
    body: bytes = b'{"originalPartnerReferenceNo":"1","originalReferenceNo":"2","latestTransactionStatus":"00"}',
    *,
    token: str | None = None,
    secret: str = "",
    at: str = "",
    **headers: str,
) -> Any:
    path = "/webhooks/doku/v1.0/debit/notify"
    token = doku_token() if token is None else token
    at = at or timezone.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    signed = f"POST:{path}:{token}:{hashlib.sha256(body).hexdigest()}:{at}".encode()
    secret = secret or settings.GATEWAYS["doku"]["secret_key"]
    mac = base64.b64encode(hmac.new(secret.encode(), signed, hashlib.sha512).digest()).decode()
    sent = {"Authorization": f"Bearer {token}", "X-Timestamp": at, "X-Signature": mac, "X-External-Id": "1", **headers}
    return Client().post(path, body, content_type="application/json", headers=sent)


def test_both_signatures_of_doku_are_checked(at_counter: Counter) -> None:
    assert doku_letter().status_code == 200
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    forged = jwt.encode({"exp": 9_999_999_999, "iss": "promote"}, other, algorithm="RS256")
    cases: list[tuple[dict[str, Any], str]] = [
        ({"token": forged}, "4012701"),
        ({"token": ""}, "4012701"),
        ({"token": doku_token(exp=1)}, "4012701"),
        ({"token": doku_token(iss="doku")}, "4012701"),
        ({"token": doku_token(clientId="BRN-0")}, "4012701"),
        ({"token": jwt.encode({"exp": 9_999_999_999, "iss": "promote"}, None, algorithm="none")}, "4012701"),
        ({"secret": "SK-of-a-thief"}, "4012700"),
        ({"at": (timezone.now() - timedelta(minutes=9)).strftime("%Y-%m-%dT%H:%M:%SZ")}, "4012700"),
        ({"at": "yesterday"}, "4012700"),
        ({"X-Partner-Id": "BRN-0"}, "4012701"),
    ]
    for asked, code in cases:
        refused = doku_letter(**asked)
        assert (refused.status_code, refused.json()["responseCode"]) == (401, code), asked
    assert taken().count() == 1
    assert set(reasons()) == {"signature", "time", "other_account"}


def test_only_doku_gets_a_token_of_ours(at_counter: Counter) -> None:
    at = timezone.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    client = settings.GATEWAYS["doku"]["client_id"]
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    signature = base64.b64encode(key.sign(f"{client}|{at}".encode(), padding.PKCS1v15(), hashes.SHA256())).decode()
    headers = {"X-Client-Key": client, "X-Timestamp": at, "X-Signature": signature}
    path = "/webhooks/doku/authorization/v1/access-token/b2b"
    refused = Client().post(path, b"{}", content_type="application/json", headers=headers)
    assert (refused.status_code, refused.json()["responseCode"]) == (401, "4017300")
    assert "accessToken" not in refused.json()


def test_doku_is_answered_in_its_own_words(at_counter: Counter) -> None:
    _, letter = a_letter(at_counter, "ID", "doku_bank_transfer")
    answer = post(letter).json()
    assert answer["responseCode"] == "2002500"
    assert answer["virtualAccountData"]["trxId"] == json.loads(letter.body)["trxId"]
    assert "Authorization" not in Notice.objects.get().headers


# 2C2P


def two_c_two_p_letter(secret: str = "", *, algorithm: str = "HS256", **claims: Any) -> Any:
    keys = settings.GATEWAYS["2c2p"]
    told = {"merchantID": keys["merchant_id"], "invoiceNo": "top1", "respCode": "0000", "tranRef": "1", **claims}
    payload = jwt.encode(told, secret or keys["secret_key"], algorithm=algorithm)
    return Client().post("/webhooks/2c2p", json.dumps({"payload": payload}), content_type="application/json")


def test_a_jwt_of_another_secret_algorithm_or_merchant_is_refused(at_counter: Counter) -> None:
    assert two_c_two_p_letter().status_code == 200
    refused: list[Callable[[], Any]] = [
        lambda: two_c_two_p_letter("x" * 64),
        lambda: two_c_two_p_letter(algorithm="HS512"),
        lambda: two_c_two_p_letter(merchantID="JT99"),
        lambda: two_c_two_p_letter(invoiceNo=7),
    ]
    for ask in refused:
        assert ask().status_code == 400
    assert taken().count() == 1
    assert reasons() == ["other_account", "signature", "unreadable"]


# what a provider's amount may be


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("9.90", "USD", 990),
        ("160000.00", "IDR", 16_000_000),
        ("150", "JPY", 150),
        (350, "THB", 35_000),
    ],
)
def test_an_amount_is_read_to_the_last_digit(text: object, currency: str, minor: int) -> None:
    assert amounts.to_minor(text, currency) == minor


@pytest.mark.parametrize("text", ["", "9.999", "NaN", "Infinity", "1e999999", None, "9,90", {}, "٣.٠٠١"])
def test_what_is_no_amount_is_refused(text: object) -> None:
    with pytest.raises(ValueError):
        amounts.to_minor(text, "USD")


@pytest.mark.parametrize(("minor", "currency", "text"), [(990, "USD", "9.90"), (5, "USD", "0.05"), (150, "JPY", "150")])
def test_an_amount_is_written_as_providers_read_it(minor: int, currency: str, text: str) -> None:
    assert amounts.to_decimal(minor, currency) == text
    assert amounts.to_minor(text, currency) == minor
