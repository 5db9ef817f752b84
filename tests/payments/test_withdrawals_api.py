"""Withdrawals and the statement through REST (api.md)."""

import csv
import io
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from payments import gifts, paying_back, returns, withdrawals
from payments.models import ReturnKind
from promote.keys import staff
from promote.markets.models import Market, PaymentMethod
from tests.api.callers import a_browser, an_app, problem, wrong_fields
from tests.builders import NOON, an_account
from tests.front.visitors import an_advertiser, signed_in, text_of
from tests.payments.books import a_paid_top_up
from tests.payments.ledgers import bought, granted

pytestmark = pytest.mark.django_db


def asked(app, coins, key="k"):
    return app.post("/withdrawals", {"coins": coins}, Idempotency_Key=key)


def test_a_quote_says_where_the_coins_go_and_how_long_it_takes():
    account = an_account()
    granted(account, 30)
    a_paid_top_up(account, 100, amount_minor=99)
    quote = an_app(account).post("/withdrawals/quote", {"coins": 50})
    assert quote.status_code == 200, quote.content
    told = quote.json()
    assert (told["coins"], told["withdrawable_coins"], told["is_reviewed"]) == (50, 100, False)
    (part,) = told["parts"]
    assert part["price"] == {"amount_minor": 49, "currency": "USD"}
    assert (part["method"], part["usual_time"]) == ("card", {"from_days": 5, "to_days": 10})
    assert an_app(account).post("/withdrawals/quote", {}).json()["coins"] == 100


def test_the_wallet_says_what_a_quote_would_offer_in_the_app_that_asks():
    account = an_account()
    PaymentMethod.objects.filter(market=account.country, code="card").update(refund_window_days=180)
    long_ago = datetime.now(UTC) - timedelta(days=181)
    granted(account, 30)
    a_paid_top_up(account, 100, amount_minor=99)
    a_paid_top_up(account, 50, paid_at=long_ago)
    bought(account, 20, origin="apple")
    told = an_app(account).get("/wallet").json()
    quoted = an_app(account).post("/withdrawals/quote", {}).json()
    assert (told["coins"], told["withdrawable_coins"]) == (200, 100) == (200, quoted["withdrawable_coins"])
    assert {one["origin"]: one["withdrawable_coins"] for one in told["by_origin"]} == {
        "grant": 0,
        "apple": 0,
        "card": 100,
    }
    assert an_app(account, app_platform="ios").get("/wallet").json()["withdrawable_coins"] == 0
    assert an_app(account).get("/central").json()["wallet"]["withdrawable_coins"] == 100


def test_a_withdrawal_is_made_once_per_key_and_read_again():
    account = an_account()
    a_paid_top_up(account, 100)
    app = an_app(account)
    assert app.post("/withdrawals", {"coins": 60}).json()["code"] == "idempotency_key_missing"
    made = asked(app, 60)
    assert made.status_code == 201, made.content
    assert asked(app, 60).headers["Idempotent-Replayed"] == "true"
    assert problem(asked(app, 61))["code"] == "idempotency_key_reused"
    assert wrong_fields(asked(app, 41, key="other")) == {"coins": "invalid"}
    told = made.json()
    assert app.get(f"/withdrawals/{told['id']}").json() == told
    assert app.get("/withdrawals").json()["results"] == [told]
    assert [leg["status"] for leg in told["legs"]] == ["waiting"]
    assert an_app(an_account()).get(f"/withdrawals/{told['id']}").status_code == 404
    wallet = app.get("/wallet").json()
    assert (wallet["coins"], wallet["held_coins"], wallet["withdrawing_coins"]) == (40, 60, 60)
    assert wallet["by_origin"] == [{"origin": "card", "coins": 40, "withdrawable_coins": 40}]


def test_on_ios_and_in_gb_the_answer_names_the_stores_way():
    account = an_account()
    a_paid_top_up(account, 100)
    told = problem(asked(an_app(account, app_platform="ios"), 10))
    assert (told["code"], told["reason"]) == ("withdrawal_not_available", "store")
    assert told["links"] == [{"method": "apple", "url": "https://reportaproblem.apple.com/"}]
    british = an_account(country="GB")
    told = problem(a_browser(british).post("/withdrawals/quote", {}))
    assert (told["code"], {link["method"] for link in told["links"]}) == (
        "withdrawal_not_available",
        {"apple", "google"},
    )
    Market.objects.filter(code="GB").update(withdrawal_surfaces=["web"])
    assert problem(a_browser(british).post("/withdrawals/quote", {}))["reason"] == "nothing", "by data, not by country"


def test_a_quote_leads_to_the_stores_that_sold_coins_of_this_wallet():
    account = an_account()
    a_paid_top_up(account, 100)
    app = an_app(account)
    assert app.post("/withdrawals/quote", {}).json()["links"] == []
    a_paid_top_up(account, 50, method="apple", gateway="apple")
    told = app.post("/withdrawals/quote", {}).json()
    assert told["coins"] == 100
    assert told["links"] == [{"method": "apple", "url": "https://reportaproblem.apple.com/"}]


@pytest.mark.usefixtures("static_files")
def test_who_owed_coins_hears_why_they_were_not_paid_back():
    account = an_advertiser(country="US")
    a_paid_top_up(account, 100)
    spent = a_paid_top_up(account, 100)
    made = withdrawals.request(account=account, surface="web", coins=100, key="k", now=NOON)
    gifts.give(account=account, coins=100, reference="spent", now=NOON)
    returns.take(top_up_id=spent.id, kind=ReturnKind.REFUND, provider_ref="re", amount_minor=100, now=NOON)
    user, password = staff.create(username="fin", roles=["finance"])
    browser = Client()
    assert browser.login(username=user.username, password=password)
    page = browser.get(f"/admin/payments/withdrawal/{made.pk}/change/").content.decode()
    assert "100 coins" in page[page.index("Owed by the account now") :][:300]
    paying_back.work(limit=10, now=NOON)
    (leg,) = an_app(account).get(f"/withdrawals/{made.public_id}").json()["legs"]
    assert (leg["status"], leg["failure"]["code"]) == ("failed", "debt")
    assert "You owed coins; they repaid that." in text_of(
        signed_in(account).get(f"/wallet/withdrawals/{made.public_id}/")
    )


@pytest.mark.parametrize("coins", [0, -5, "5", 1.5, True, None, 10**12])
def test_coins_are_a_whole_number_above_zero(coins):
    account = an_account()
    a_paid_top_up(account, 100)
    assert asked(an_app(account), coins).status_code == 400


def test_the_statement_comes_as_csv_whole_and_says_the_same():
    account = an_account()
    granted(account, 700, reason="=1+1")
    for number in range(3):
        gifts.give(account=account, coins=10, reference=f"=gift{number}", now=NOON)
    app = an_app(account)
    answer = app.get("/wallet/statement", Accept="text/csv")
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))
    pages = app.get("/wallet/statement").json()["results"]
    assert [(row["id"], int(row["coins"]), int(row["balance_coins"])) for row in rows] == [
        (one["id"], one["coins"], one["balance_coins"]) for one in pages
    ]
    assert {row["reference"] for row in rows if row["kind"] == "gift"} == {f"'=gift{number}" for number in range(3)}
