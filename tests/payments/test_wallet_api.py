"""The wallet over REST: what an app shows, and gifts on the platform's word."""

import pytest

from payments import clawbacks, wallet
from payments.models import Gift
from tests.api.callers import a_platform, an_app
from tests.builders import NOON, an_account
from tests.payments.ledgers import an_escrow as funded_by
from tests.payments.ledgers import audited, bought, charged, granted, settled

pytestmark = pytest.mark.django_db


def test_the_wallet_shows_coins_held_owed_and_its_lots():
    account = an_account()
    lot, grant = bought(account, 500, paid_minor=495), granted(account, 100)
    charged(funded_by(account, 250), 20_500_000)
    answer = an_app(account).get("/wallet")
    assert answer.status_code == 200
    assert answer.json() == {
        "coins": 350,
        "held_coins": 230,
        "withdrawing_coins": 0,
        "debt_coins": 0,
        "withdrawable_coins": 0,
        "by_origin": [{"origin": "card", "coins": 350, "withdrawable_coins": 0}],
        "lots": [
            {
                "id": lot.public_id,
                "origin": "card",
                "coins": 350,
                "opened_coins": 500,
                "opened_at": "2026-11-24T12:00:00Z",
                "expires_at": None,
                "withdrawable": True,
                "paid": {"amount_minor": 495, "currency": "USD"},
            }
        ],
    }
    assert grant.coins == 100, "spent first, so it is no longer listed"


def test_a_debt_is_visible_to_the_user():
    account = an_account()
    lot = bought(account, 50)
    funded_by(account, 50)
    clawbacks.claw_back(lot=lot, coins=50, key="dispute", now=NOON)
    shown = an_app(account).get("/wallet").json()
    assert (shown["coins"], shown["held_coins"], shown["debt_coins"]) == (0, 50, 50)


def test_the_statement_runs_on_from_page_to_page():
    account = an_account()
    granted(account, 100)
    settled(charged(funded_by(account, 60, ref="ord_77"), 10_000_000))
    app = an_app(account)
    first = app.get("/wallet/statement?limit=2").json()
    assert [(one["kind"], one["coins"], one["balance_coins"]) for one in first["results"]] == [
        ("order_settle", 50, 90),
        ("order_pay", -60, 40),
    ]
    assert first["results"][0]["text"] == "Unspent coins returned"
    assert first["results"][0]["reference"] == "ord_77"
    second = app.get(f"/wallet/statement?limit=2&cursor={first['next']}").json()
    assert [(one["kind"], one["balance_coins"]) for one in second["results"]] == [("grant", 100)]
    assert second["next"] is None
    assert len({one["id"] for one in first["results"] + second["results"]}) == 3


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "cursor=forged", "cursor="])
def test_a_page_that_is_not_one_is_refused_or_the_first(query):
    answer = an_app(an_account()).get(f"/wallet/statement?{query}")
    assert answer.status_code == (200 if query == "cursor=" else 400)


def test_a_wallet_is_its_owners_alone():
    assert a_platform("wallet").get("/wallet").status_code == 403
    account = an_account()
    granted(account, 5)
    assert an_app(an_account()).get("/wallet").json()["coins"] == 0


def gift(platform, key="key-1", **body):
    return platform.post("/platform/gifts", body, Idempotency_Key=key)


def test_a_gift_takes_coins_from_the_one_balance_once_per_reference():
    account, platform = an_account(external_id="viewer-1"), a_platform("wallet")
    bought(account, 100)
    asked = {"account": "viewer-1", "coins": 30, "reference": "gift-9", "live": "live-2"}
    first = gift(platform, **asked)
    assert first.status_code == 201
    assert first.json() | {"id": "", "given_at": ""} == asked | {"id": "", "given_at": "", "wallet_coins": 70}
    replay = gift(platform, **asked)
    assert (replay.json(), replay.headers["Idempotent-Replayed"]) == (first.json(), "true")
    again = gift(platform, key="key-2", **asked)
    assert (again.status_code, again.json()["id"]) == (201, first.json()["id"])
    other = gift(platform, key="key-3", **asked | {"coins": 31})
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert Gift.objects.count() == 1
    assert wallet.balance(account=account).free_coins == 70
    audited()


def test_a_gift_above_the_free_balance_is_refused_with_what_is_missing():
    account = an_account(external_id="viewer-1")
    granted(account, 100)
    funded_by(account, 80)
    answer = gift(a_platform("wallet"), account="viewer-1", coins=30, reference="g")
    assert (answer.status_code, answer.json()["code"], answer.json()["missing_coins"]) == (
        402,
        "insufficient_coins",
        10,
    )
    assert wallet.balance(account=account).free_coins == 20


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"coins": 0}, "coins"),
        ({"coins": -5}, "coins"),
        ({"coins": True}, "coins"),
        ({"coins": "5"}, "coins"),
        ({"coins": 5.0}, "coins"),
        ({"coins": 10**30}, "coins"),
        ({"coins": None}, "coins"),
        ({"account": "nobody"}, "account"),
        ({"account": 7}, "account"),
        ({"reference": ""}, "reference"),
        ({"reference": "x" * 129}, "reference"),
        ({"live": {}}, "live"),
    ],
)
def test_a_wrong_gift_says_what_is_wrong(wrong, field):
    an_account(external_id="viewer-1")
    answer = gift(a_platform("wallet"), **{"account": "viewer-1", "coins": 5, "reference": "g"} | wrong)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert [error["field"] for error in answer.json()["errors"]] == [field]


def test_gifts_need_the_scope_and_a_key_of_the_request():
    an_account(external_id="viewer-1")
    body = {"account": "viewer-1", "coins": 5, "reference": "g"}
    assert gift(a_platform("catalogue"), **body).json()["code"] == "not_allowed"
    assert a_platform("wallet").post("/platform/gifts", body).json()["code"] == "idempotency_key_missing"
