"""Buying coins, invoices and billing details over REST, as api.md has them."""

import io
from typing import Any

import pypdf
import pytest
from django.utils import timezone

from payments import invoices, top_ups
from payments.models import Invoice, TopUp
from promote.accounts.models import Account
from promote.ids import parse
from tests.api.callers import a_browser, a_platform, an_app
from tests.builders import an_account
from tests.payments.buying import Till
from tests.payments.test_invoices import an_invoice

pytestmark = pytest.mark.django_db
BOUGHT = ["card", "paypal", "direct_debit"]


def started(account: Account, *, key: str = "key-1", **body: Any) -> Any:
    caller = a_browser(account)
    (card,) = [one for one in caller.get("/top-ups/methods").json()["results"] if one["method"] == "card"]
    asked = {"method": "card", "pack": card["packs"][2]["id"], **body}
    return caller.post("/top-ups", asked, Idempotency_Key=key)


def test_the_methods_have_packs_with_prices(at_till: Till) -> None:
    answer = a_browser(an_account()).get("/top-ups/methods").json()
    assert answer["next"] is None
    assert answer["hint"] is None
    card, *_ = answer["results"]
    assert (card["method"], card["asks_phone"], card["test_mode"]) == ("card", False, True)
    assert answer["unavailable"] == []
    first = card["packs"][0]
    assert (first["coins"], first["price"]) == (100, {"amount_minor": 99, "currency": "USD"})


def test_where_only_the_app_sells_coins_the_web_is_sent_there(at_till: Till) -> None:
    account = an_account(country="GB")
    answer = a_browser(account).get("/top-ups/methods").json()
    assert (answer["results"], answer["next"], answer["hint"]["code"]) == ([], None, "open_app")
    refused = a_browser(account).post("/top-ups", {"method": "card", "pack": "pack_1"}, Idempotency_Key="k")
    assert (refused.status_code, refused.json()["code"], refused.json()["reason"]) == (
        409,
        "top_up_not_available",
        "open_app",
    )


@pytest.mark.parametrize(("platform", "offered"), [("android", BOUGHT), ("ios", ["apple"]), ("web", BOUGHT)])
def test_what_is_offered_depends_on_the_app(at_till: Till, platform: str, offered: list[str]) -> None:
    answer = an_app(an_account(), app_platform=platform).get("/top-ups/methods").json()
    assert [one["method"] for one in answer["results"]] == offered


def test_an_app_that_does_not_say_what_it_is_is_told_how(at_till: Till) -> None:
    refused = an_app(an_account(), app_platform=None).get("/top-ups/methods")
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["field"] == "X-App-Platform"


def test_a_payment_is_started_followed_and_has_a_receipt(at_till: Till) -> None:
    account = an_account()
    answer = started(account)
    assert answer.status_code == 201
    body = answer.json()
    assert (body["status"], body["coins"], body["price"]) == (
        "pending",
        1000,
        {"amount_minor": 990, "currency": "USD"},
    )
    assert body["next"]["redirect_url"].startswith(at_till.stripe.url)
    at_till.stripe.pay(body["next"]["redirect_url"])
    top_up = top_ups.confirm(top_up_id=parse("top", body["id"]), now=timezone.now())
    receipt = invoices.issue_receipt(top_up=top_up, now=timezone.now())
    caller = a_browser(account)
    paid = caller.get(f"/top-ups/{body['id']}").json()
    assert (paid["status"], paid["next"], paid["receipt"]) == ("paid", None, receipt.public_id)
    assert caller.get("/top-ups").json()["results"] == [paid]


def test_the_same_key_starts_one_payment(at_till: Till) -> None:
    account = an_account()
    first, again = started(account), started(account)
    assert first.json() == again.json()
    assert again["Idempotent-Replayed"] == "true"
    assert started(account, method="dana").json()["code"] == "idempotency_key_reused"
    assert a_browser(account).post("/top-ups", {}).json()["code"] == "idempotency_key_missing"
    assert TopUp.objects.count() == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"method": "dana"}, "method"),
        ({"method": 1}, "method"),
        ({"method": None}, "method"),
        ({"pack": "pack_0"}, "pack"),
        ({"pack": "pack_99999999999999999999"}, "pack"),
        ({"pack": "1 or 1=1"}, "pack"),
        ({"pack": 1}, "pack"),
        ({"pack": "x" * 500}, "pack"),
    ],
)
def test_what_can_not_be_bought_is_named(at_till: Till, body: dict[str, Any], field: str) -> None:
    refused = started(an_account(), **body)
    assert (refused.status_code, refused.json()["code"]) == (400, "invalid")
    assert [error["field"] for error in refused.json()["errors"]] == [field]
    assert not TopUp.objects.exists()


def test_only_its_owner_sees_a_top_up(at_till: Till) -> None:
    body = started(an_account()).json()
    assert a_browser(an_account()).get(f"/top-ups/{body['id']}").status_code == 404
    assert a_browser(an_account()).get("/top-ups/nonsense").status_code == 404
    assert a_platform().get("/top-ups/methods").status_code == 403


# invoices


def test_invoices_are_listed_newest_first_and_receipts_apart(at_till: Till) -> None:
    account = an_account()
    issued = [an_invoice(account) for _ in range(3)]
    caller = a_browser(account)
    page = caller.get("/invoices?limit=2").json()
    rest = caller.get(f"/invoices?limit=2&cursor={page['next']}").json()
    numbers = [one["number"] for one in page["results"] + rest["results"]]
    assert sorted(numbers) == sorted(invoice.number for invoice in issued)
    assert rest["next"] is None
    assert caller.get("/invoices?kind=receipt").json()["results"] == []
    assert caller.get("/invoices?kind=other").json()["code"] == "invalid"
    assert a_browser(an_account()).get("/invoices").json()["results"] == []


def test_an_invoice_is_read_as_data_and_as_pdf(at_till: Till) -> None:
    invoice = an_invoice(coins=120)
    caller = a_browser(Account.objects.get(id=invoice.account_id))
    body = caller.get(f"/invoices/{invoice.public_id}").json()
    assert (body["number"], body["order"], body["coins"]) == (invoice.number, invoice.order_ref, 120)
    assert (body["total"], body["lines"][0]["origin"], body["lines"][0]["gross"]) == (
        {"amount_minor": 0, "currency": "USD"},
        "grant",
        None,
    )
    assert body["pdf"] == f"/api/v1/invoices/{invoice.public_id}.pdf"
    pdf = caller.get(f"/invoices/{invoice.public_id}.pdf")
    assert pdf["Content-Type"] == "application/pdf"
    assert f'filename="{invoice.number}.pdf"' in pdf["Content-Disposition"]
    assert len(pypdf.PdfReader(io.BytesIO(pdf.content)).pages) == 1
    assert caller.get(f"/invoices/{invoice.public_id}.pdf", If_None_Match=pdf["ETag"]).status_code == 304
    stranger = a_browser(an_account())
    for path in (f"/invoices/{invoice.public_id}", f"/invoices/{invoice.public_id}.pdf", "/invoices/inv_1.pdf"):
        assert stranger.get(path).status_code == 404
    assert Invoice.objects.count() == 1


def test_billing_details_stand_on_the_next_invoice(at_till: Till) -> None:
    account = an_account(username="rahayu")
    caller = a_browser(account)
    assert caller.get("/billing-details").json()["name"] == "rahayu"
    given = {"name": "Rahayu Studio", "address": "1 Jalan\nUbud", "tax_id": "NPWP 1", "email": "a@example.com"}
    assert caller.put("/billing-details", given).json() == given
    assert an_invoice(account).content["buyer"]["name"] == "Rahayu Studio"
    for wrong in ({"name": ""}, {"name": "x" * 201}, {"name": "A", "email": "no"}, {"name": 1}, {}):
        assert caller.put("/billing-details", wrong).status_code == 400
    assert caller.get("/billing-details").json() == given
