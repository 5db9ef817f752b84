"""Coins bought in the App Store and on Google Play: credited once, to whom they belong, and taken back when they go."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import Sum
from django.utils import timezone

from payments import (
    catching_up,
    clearing,
    delivering,
    gifts,
    invoices,
    polling,
    reconciling,
    returns,
    store_purchases,
    top_ups,
    wallet,
)
from payments.documents.sheet import sheet
from payments.models import Difference, Lot, Notice, PaymentReturn, Refused, TopUp, TopUpStatus
from payments.store_purchases import PurchaseRefused
from promote.markets.models import CoinPack, PaymentMethod
from tests.api.callers import an_app, problem, wrong_fields
from tests.builders import a_number, an_account
from tests.payments.books import book
from tests.payments.buying import taken
from tests.payments.counter import post, work_off
from tests.payments.ledgers import audited, together
from tests.payments.phones import STORES, Phones, a_gateway, handed_in, offered
from tests.sandbox.stand_in import until

pytestmark = pytest.mark.django_db

CELLS = [("apple", market) for market in ("ID", "TH", "GB", "US", "AU", "CA", "JP", "DE")]
CELLS += [("google", market) for market in ("GB", "JP", "DE")]
BOTH = [("apple", "US"), ("google", "DE")]


def coins_of(account: Any) -> int:
    return wallet.balance(account=account).free_coins


def claim(store: str, account: Any, bought: dict[str, str], **body: Any) -> Any:
    """The app's own call."""
    asked = {"method": store, "transaction": bought["transaction"], **body}
    return an_app(account, app_platform=STORES[store][0]).post("/top-ups", asked, Idempotency_Key=f"key-{a_number()}")


def reasons() -> dict[str, int]:
    return dict(Refused.objects.values_list("reason").annotate(Sum("times")))


# what was missed


def test_what_apple_told_while_nobody_heard_is_fetched_from_its_history(on_phones: Phones) -> None:
    account = an_account()
    on_phones.stores["apple"].control("faults", drop=1.0)
    kept = on_phones.buys("apple", account, coins=500)
    handed_in("apple", account, kept)
    for _ in range(20):  # a page of them
        on_phones.does("apple", kept, "ask_use")
    on_phones.does("apple", kept, "refund")
    on_phones.buys("apple", account, coins=100)
    assert catching_up.catch_up(now=timezone.now() + timedelta(seconds=2)) >= 23
    work_off(ahead_s=3)
    assert coins_of(account) == 100
    assert catching_up.catch_up(now=timezone.now() + timedelta(seconds=4)) == 0
    audited()


def test_voided_purchases_are_polled_where_the_notice_was_lost(on_phones: Phones) -> None:
    account = an_account(country="DE")
    on_phones.stores["google"].control("faults", drop=1.0)
    bought = on_phones.buys("google", account)
    handed_in("google", account, bought)
    on_phones.does("google", bought, "refund")
    assert catching_up.catch_up(now=timezone.now()) >= 1
    work_off()
    assert (coins_of(account), PaymentReturn.objects.get().coins) == (0, 1000)
    assert catching_up.catch_up(now=timezone.now()) == 0


# what is bought


@pytest.mark.parametrize(("store", "market"), CELLS)
def test_a_purchase_in_the_app_becomes_coins_once_however_it_is_told(
    on_phones: Phones, store: str, market: str
) -> None:
    account = an_account(country=market)
    (method, *_) = an_app(account, app_platform=STORES[store][0]).get("/top-ups/methods").json()["results"]
    assert (method["method"], method["in_app"], method["test_mode"]) == (store, True, True)
    pack = method["packs"][2]
    bought = on_phones.buys(store, None, product_id=pack["product_id"], account_token=method["account_token"])
    answer = claim(store, account, bought)
    assert (answer.status_code, answer.json()["status"], answer.json()["coins"]) == (201, "paid", pack["coins"])
    assert claim(store, account, bought).json()["id"] == answer.json()["id"], "the app may hand it in again"
    on_phones.heard(times=2)
    lot = Lot.objects.get(account=account)
    assert (lot.origin, lot.coins, lot.withdrawable) == (store, pack["coins"], False)
    assert coins_of(account) == pack["coins"]
    assert TopUp.objects.get().tax_minor == 0, "the store is the seller"
    if market == "GB":
        audited()


@pytest.mark.parametrize(("store", "market"), BOTH)
def test_a_purchase_that_the_app_never_hands_in_is_credited_by_the_notice(
    on_phones: Phones, store: str, market: str
) -> None:
    account = an_account(country=market)
    bought = on_phones.buys(store, account)
    on_phones.heard()
    assert coins_of(account) == 1000
    assert handed_in(store, account, bought) == TopUp.objects.get()
    assert Lot.objects.count() == 1


@pytest.mark.parametrize(("store", "market"), BOTH)
def test_the_price_is_the_stores_and_the_coins_are_our_packs(on_phones: Phones, store: str, market: str) -> None:
    account = an_account(country=market)
    bought = on_phones.buys(store, account, coins=500, quantity=3, price=1_234_500, currency="THB")
    top_up = handed_in(store, account, bought)
    assert (top_up.coins, top_up.amount_minor, top_up.currency, top_up.exponent) == (1500, 123_450, "THB", 2)
    dinars = on_phones.buys(store, account, coins=500, price=1_235, currency="KWD")
    top_up = handed_in(store, account, dinars)
    assert (top_up.amount_minor, top_up.currency, top_up.exponent) == (1_235, "KWD", 3), "a dinar has a thousand fils"
    cheap = on_phones.buys(store, account, coins=20_000, price=10, currency="XTS")
    top_up = handed_in(store, account, cheap)
    pack = CoinPack.objects.get(market=market, surface=STORES[store][0], coins=20_000)
    assert (top_up.coins, top_up.amount_minor) == (20_000, pack.price_minor), "no currency of our books: ours stands"
    audited()


# refused


@pytest.mark.parametrize(("store", "market"), BOTH)
def test_another_accounts_purchase_is_refused_and_counted(on_phones: Phones, store: str, market: str) -> None:
    buyer, thief = an_account(country=market), an_account(country=market)
    bought, nobodys = on_phones.buys(store, buyer), on_phones.buys(store, None, product_id="coins_1000")
    for stolen in (bought, nobodys):
        refused = problem(claim(store, thief, stolen))
        assert (refused["status"], refused["code"], refused["reason"]) == (409, "purchase_refused", "other_account")
    handed_in(store, buyer, bought)
    assert problem(claim(store, thief, bought))["reason"] == "other_account"
    on_phones.heard(2)
    assert (coins_of(buyer), coins_of(thief), Lot.objects.count()) == (1000, 0, 1)
    assert reasons() == {"other_account": 4}, "the notice that names nobody too"


@pytest.mark.parametrize(("store", "market"), BOTH)
def test_an_unknown_product_brings_nothing_until_ops_sells_it(on_phones: Phones, store: str, market: str) -> None:
    account = an_account(country=market)
    bought = on_phones.buys(store, account, product_id="coins_7777")
    assert problem(claim(store, account, bought))["reason"] == "unknown_product"
    on_phones.heard()
    notice = Notice.objects.get()
    assert (notice.state, coins_of(account)) == ("dead", 0)
    CoinPack.objects.create(
        market_id=market, surface=STORES[store][0], coins=7777, price_minor=7_000, product_id="coins_7777"
    )
    assert claim(store, account, bought).json()["coins"] == 7777


@pytest.mark.parametrize(("store", "market"), BOTH)
def test_an_app_can_not_say_what_it_bought(on_phones: Phones, store: str, market: str) -> None:
    account = an_account(country=market)
    bought = on_phones.buys(store, account, coins=100)
    dear = CoinPack.objects.get(market=market, surface=STORES[store][0], coins=20_000)
    assert wrong_fields(claim(store, account, bought, pack=f"pack_{dear.pk}")) == {"pack": "invalid"}
    asked = {"method": store, "pack": f"pack_{dear.pk}"}
    app = an_app(account, app_platform=STORES[store][0])
    assert wrong_fields(app.post("/top-ups", asked, Idempotency_Key="k")) == {"transaction": "required"}
    assert claim(store, account, bought).json()["coins"] == 100


@pytest.mark.parametrize(
    ("store", "market", "surface"),
    [("apple", "US", "android"), ("apple", "US", "web"), ("google", "US", "android"), ("google", "DE", "ios")],
)
def test_a_store_sells_only_where_the_table_says(on_phones: Phones, store: str, market: str, surface: str) -> None:
    account = an_account(country=market)
    bought = on_phones.buys(store, account, product_id="coins_1000")
    asked = {"method": store, "transaction": bought["transaction"]}
    answer = an_app(account, app_platform=surface).post("/top-ups", asked, Idempotency_Key="k")
    assert wrong_fields(answer) == {"method": "invalid_choice"}


@pytest.mark.parametrize(("store", "market"), BOTH)
def test_what_was_bought_before_ops_took_the_method_off_is_still_credited(
    on_phones: Phones, store: str, market: str
) -> None:
    account = an_account(country=market)
    bought = on_phones.buys(store, account)
    PaymentMethod.objects.filter(market=market, code=store).update(enabled=False)
    assert not [one for one in top_ups.methods(account=account, surface=STORES[store][0]).offered if one.method.in_app]
    assert handed_in(store, account, bought).status == TopUpStatus.PAID


@pytest.mark.parametrize(("store", "market"), BOTH)
def test_a_purchase_that_was_given_back_before_brings_nothing(on_phones: Phones, store: str, market: str) -> None:
    account = an_account(country=market)
    bought = on_phones.buys(store, account, silent=True)
    on_phones.does(store, bought, "refund")
    with pytest.raises(PurchaseRefused) as refused:
        handed_in(store, account, bought)
    assert refused.value.reason == "gone_back"
    on_phones.heard()
    assert (coins_of(account), Notice.objects.get().state) == (0, "ignored")


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"forged": True}, "signature"),
        ({"bundle_id": "example.other"}, "other_app"),
        ({"environment": "Production"}, "test_purchase"),
        ({"environment": "Xcode"}, "test_purchase"),
    ],
)
def test_what_apple_did_not_sign_for_this_app_and_mode_is_refused(
    on_phones: Phones, facts: dict[str, Any], reason: str
) -> None:
    account = an_account()
    refused = problem(claim("apple", account, on_phones.buys("apple", account, silent=True, **facts)))
    assert (refused["code"], refused["reason"]) == ("purchase_refused", reason)
    assert (reasons(), coins_of(account)) == ({reason: 1}, 0)


@pytest.mark.parametrize("proof", ["x", "a.b.c", "eyJhbGciOiJub25lIn0.e30.", "1" * 16])
def test_what_is_no_purchase_at_all_is_refused(on_phones: Phones, proof: str) -> None:
    for store, market in BOTH:
        refused = problem(claim(store, an_account(country=market), {"transaction": proof}))
        assert refused["reason"] in ("signature", "unreadable", "unknown")


@pytest.mark.parametrize(
    ("store", "lie"),
    [
        ("apple", {"transactionId": "2000000000000001"}),
        ("apple", {"bundleId": "example.other"}),
        ("apple", {"environment": "Production"}),
        ("apple", {"appAccountToken": "00000000-0000-0000-0000-000000000000"}),
        ("google", {"account_token": "00000000-0000-0000-0000-000000000000"}),
        ("google", {"is_real": True}),
    ],
)
def test_a_proof_counts_for_nothing_where_the_store_says_otherwise(
    on_phones: Phones, store: str, lie: dict[str, Any]
) -> None:
    account = an_account(country="GB")
    bought = on_phones.buys(store, account)
    on_phones.does(store, bought, "lie", **lie)
    assert problem(claim(store, account, bought))["code"] == "purchase_refused"
    assert coins_of(account) == 0


def test_purchases_with_test_money_are_refused_where_real_money_moves(on_phones: Phones) -> None:
    account = an_account(country="GB")
    apple = a_gateway(on_phones, "apple", environment="Production")
    google = a_gateway(on_phones, "google")
    google.is_live = True
    bought = {store: on_phones.buys(store, account) for store in STORES}
    letters = on_phones.letters(2)
    with offered("apple", apple), offered("google", google):
        for store in STORES:
            assert problem(claim(store, account, bought[store]))["reason"] == "test_purchase"
        answers = sorted(post(letter).status_code for letter in letters)
        work_off()
    assert answers == [200, 400], "Apple's says so itself; of Google's the purchase does"
    assert (coins_of(account), reasons()) == (0, {"test_purchase": 4})


# notices


def test_a_notice_that_apple_did_not_sign_for_us_is_refused_and_counted(on_phones: Phones) -> None:
    from sandbox.providers.app_store.signing import forger

    account = an_account()
    on_phones.buys("apple", account)
    (letter,) = on_phones.letters()
    data = {"bundleId": "example.promote", "environment": "Sandbox", "appAppleId": 1234567890}
    told = {"notificationType": "TEST", "notificationUUID": "u-1", "version": "2.0", "data": data}
    forged = f'{{"signedPayload": "{forger().sign(told)}"}}'.encode()
    for body in (forged, b"{}", b"[]", b"\x00", letter.body.replace(b"eyJ", b"eyK", 1)):
        letter.body, right = body, letter.body
        assert post(letter).status_code == 400
        letter.body = right
    assert not taken().exists()
    assert set(reasons()) == {"signature", "unreadable"}
    assert post(letter).status_code == 200


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"email": "thief@example.iam.gserviceaccount.com"}, "other_account"),
        ({"email_verified": False}, "other_account"),
        ({"aud": "https://elsewhere.example/webhooks/google"}, "signature"),
        ({"iss": "https://thief.example"}, "signature"),
        ({"exp": 1}, "signature"),
        (None, "signature"),
    ],
)
def test_a_push_that_google_did_not_vouch_for_is_refused_and_counted(
    on_phones: Phones, claims: dict[str, Any] | None, reason: str
) -> None:
    on_phones.buys("google", an_account(country="DE"))
    (letter,) = on_phones.letters()
    token = "a.b.c.d" if claims is None else on_phones.stores["google"].control("token", **claims)["token"]
    assert post(letter, Authorization=f"Bearer {token}").status_code == 400
    assert (taken().count(), reasons()) == (0, {reason: 1})
    assert token not in Refused.objects.get().last
    assert post(letter).status_code == 200
    assert not any("Authorization" in notice.headers for notice in Notice.objects.all())


# what goes back


def spent(account: Any, coins: int) -> None:
    gifts.give(account=account, coins=coins, reference=f"gift-{a_number()}", now=timezone.now())


@pytest.mark.parametrize(("store", "market"), BOTH)
def test_a_refund_takes_the_coins_and_what_was_spent_is_owed(on_phones: Phones, store: str, market: str) -> None:
    account = an_account(country=market)
    bought = on_phones.buys(store, account, price=9_900)
    top_up = handed_in(store, account, bought)
    spent(account, 300)
    on_phones.does(store, bought, "refund")
    on_phones.heard(2, times=2)
    balance = wallet.balance(account=account)
    assert (balance.free_coins, balance.debt_coins) == (0, 300)
    made = PaymentReturn.objects.get()
    assert (made.kind, made.state, made.amount_minor, made.coins) == ("refund", "done", top_up.amount_minor, 1000)
    assert book(f"clearing:{store}", top_up.currency) == 0
    assert handed_in(store, account, bought).id == top_up.id, "handed in again, it brings nothing"
    again = on_phones.buys(store, account)
    handed_in(store, account, again)
    assert (coins_of(account), wallet.balance(account=account).debt_coins) == (700, 0)
    audited()


def test_a_part_of_a_purchase_goes_back_and_then_the_rest(on_phones: Phones) -> None:
    for store, market in BOTH:
        account = an_account(country=market)
        bought = on_phones.buys(store, account, price=9_990)
        top_up = handed_in(store, account, bought)
        part = {"apple": {"percentage": 33_333}, "google": {"price": 3_330}}[store]
        on_phones.does(store, bought, "refund", **part)
        on_phones.heard(2)
        first = PaymentReturn.objects.get(top_up=top_up)
        assert (first.amount_minor, coins_of(account)) == ({"apple": 332, "google": 333}[store], 1000 - first.coins)
        on_phones.does(store, bought, "refund")
        on_phones.heard()
        top_up.refresh_from_db()
        assert (top_up.returnable_minor, coins_of(account)) == (0, 0)
    audited()


def test_what_was_given_back_in_part_before_it_was_handed_in_brings_the_rest(on_phones: Phones) -> None:
    for store, market in BOTH:
        account = an_account(country=market)
        bought = on_phones.buys(store, account, price=9_990)
        part = {"apple": {"percentage": 50_000}, "google": {"price": 4_995}}[store]
        on_phones.does(store, bought, "refund", **part)
        top_up = handed_in(store, account, bought)
        gone = PaymentReturn.objects.get(top_up=top_up)
        assert (gone.coins > 490, coins_of(account)) == (True, 1000 - gone.coins)
        on_phones.heard(2)
        assert coins_of(account) == 1000 - gone.coins
    audited()


@pytest.mark.django_db(transaction=True)
def test_of_two_who_ask_the_store_at_once_the_later_answer_stands(on_phones: Phones) -> None:
    """The first was told of a refund. Before it does anything, the refund is reversed, and a second asks."""
    account = an_account()
    bought = on_phones.buys("apple", account)
    top_up = handed_in("apple", account, bought)
    on_phones.does("apple", bought, "refund")
    gateway = a_gateway(on_phones, "apple")
    real, second = gateway.revoked, threading.Thread(target=lambda: _confirmed_alone(top_up), daemon=True)

    def slow_at_first(payment_ref: str) -> Any:
        found = real(payment_ref)
        gateway.revoked = real
        on_phones.does("apple", bought, "reverse")
        second.start()
        until(lambda: not second.is_alive() or _someone_waits())
        return found

    gateway.revoked = slow_at_first
    with offered("apple", gateway):
        returns.confirm(top_up_id=top_up.id, now=timezone.now())
        second.join(30)
    assert not second.is_alive()
    assert (coins_of(account), wallet.balance(account=account).debt_coins) == (1000, 0)
    audited()


def _confirmed_alone(top_up: TopUp) -> None:
    try:
        returns.confirm(top_up_id=top_up.id, now=timezone.now())
    finally:
        connection.close()


def _someone_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_locks l JOIN pg_database d ON d.oid = l.database "
            "WHERE d.datname = current_database() AND l.locktype = 'advisory' AND NOT l.granted)"
        )
        return bool(cursor.fetchone()[0])


def test_a_refund_that_apple_takes_back_gives_the_coins_again(on_phones: Phones) -> None:
    account = an_account()
    bought = on_phones.buys("apple", account)
    handed_in("apple", account, bought)
    spent(account, 400)
    on_phones.does("apple", bought, "refund")
    on_phones.heard(2)
    assert wallet.balance(account=account).debt_coins == 400
    on_phones.does("apple", bought, "reverse")
    on_phones.heard(times=2)
    assert (coins_of(account), wallet.balance(account=account).debt_coins) == (600, 0)
    on_phones.does("apple", bought, "refund")
    on_phones.heard()
    assert (coins_of(account), wallet.balance(account=account).debt_coins) == (0, 400)
    assert sorted(PaymentReturn.objects.values_list("state", flat=True)) == ["done", "undone"]
    audited()


def test_notices_in_the_wrong_order_and_late_ones_end_right(on_phones: Phones) -> None:
    account = an_account()
    bought = on_phones.buys("apple", account)
    for what in ("refund", "reverse"):
        on_phones.does("apple", bought, what)
    letters = on_phones.letters(3)
    for letter in [*reversed(letters), *letters]:
        assert post(letter).status_code == 200
        work_off()
    assert (coins_of(account), wallet.balance(account=account).debt_coins) == (1000, 0)
    assert Lot.objects.count() == 1
    audited()


def test_a_chargeback_on_google_play_is_a_dispute(on_phones: Phones) -> None:
    account = an_account(country="DE")
    bought = on_phones.buys("google", account)
    handed_in("google", account, bought)
    on_phones.does("google", bought, "refund", chargeback=True)
    on_phones.heard(2)
    assert (PaymentReturn.objects.get().kind, coins_of(account)) == ("dispute", 0)
    audited()


def test_a_store_that_is_away_loses_nothing(on_phones: Phones) -> None:
    for store, market in BOTH:
        account = an_account(country=market)
        bought = on_phones.buys(store, account)
        (letter,) = on_phones.letters()
        on_phones.stores[store].control("answers", down=True)
        assert problem(claim(store, account, bought))["code"] == "provider_unavailable"
        if store == "apple":
            assert post(letter).status_code == 200
            work_off()
        on_phones.stores[store].control("answers")
        assert post(letter).status_code == 200
        work_off(ahead_s=5)
        assert coins_of(account) == 1000
        assert claim(store, account, bought).json()["status"] == "paid"
        assert coins_of(account) == 1000


@pytest.mark.django_db(transaction=True)
def test_an_app_and_a_notice_at_once_credit_once(on_phones: Phones) -> None:
    account = an_account(country="DE")
    bought = on_phones.buys("google", account)
    (letter,) = on_phones.letters()
    post(letter)
    app, notice = (lambda: handed_in("google", account, bought)), work_off
    answers = together([app, notice, app, notice, app])
    assert {answer.id for answer in answers if answer is not None} == {TopUp.objects.get().id}
    assert (coins_of(account), Lot.objects.count()) == (1000, 1)


@pytest.mark.parametrize(("store", "market"), BOTH)
def test_what_was_handed_in_and_given_back_while_its_notice_was_worked_on_is_no_refused_purchase(
    on_phones: Phones, store: str, market: str
) -> None:
    account = an_account(country=market)
    bought = on_phones.buys(store, account)
    top_up = handed_in(store, account, bought)
    on_phones.does(store, bought, "refund")
    assert store_purchases.told(gateway=store, ref=bought["id"], now=timezone.now()) == top_up


def test_ops_asks_the_store_what_became_of_a_purchase(on_phones: Phones) -> None:
    account = an_account()
    bought = on_phones.buys("apple", account, silent=True)
    top_up = handed_in("apple", account, bought)
    on_phones.does("apple", bought, "refund")
    returns.confirm(top_up_id=top_up.id, now=timezone.now())
    assert coins_of(account) == 0


def test_the_receipt_says_that_the_store_sold_the_coins(on_phones: Phones) -> None:
    account = an_account()
    top_up = handed_in("apple", account, on_phones.buys("apple", account, price=35_000_000, currency="THB"))
    receipt = invoices.issue_receipt(top_up=top_up, now=timezone.now())
    assert (receipt.gross_minor, receipt.currency, receipt.tax_minor) == (3_500_000, "THB", 0)
    told = sheet(receipt)
    assert "were sold by the store" in str(told["note"])


@pytest.mark.parametrize(("store", "market"), BOTH)
def test_what_the_store_says_and_the_books_end_at_no_difference(on_phones: Phones, store: str, market: str) -> None:
    account = an_account(country=market)
    began = timezone.now() - timedelta(seconds=2)
    bought = [on_phones.buys(store, account, price=9_990) for _ in range(3)]
    for one in bought:
        handed_in(store, account, one)
    _kept, parted, gone = bought
    on_phones.does(store, parted, "refund", **{"apple": {"percentage": 33_333}, "google": {"price": 3_330}}[store])
    on_phones.does(store, gone, "refund", **({"chargeback": True} if store == "google" else {}))
    on_phones.heard(5)
    if store == "apple":
        on_phones.does(store, gone, "reverse")
        on_phones.heard()
        on_phones.does(store, parted, "refund")
        on_phones.heard()
    later = timezone.now() + timedelta(hours=4)
    run = reconciling.reconcile(gateway=store, since=began, now=later)
    assert (run.found, run.error, Difference.objects.count()) == (0, "", 0)
    (there,) = [one for one in clearing.clearing() if one.gateway == store]
    assert (there.apart_minor, there.ours_minor > 0) == (0, True)
    on_phones.does(store, bought[0], "refund", **({"silent": True} if store == "google" else {}))
    on_phones.letters(0)
    assert reconciling.reconcile(gateway=store, since=began, now=later).found == 1
    returns.confirm(top_up_id=TopUp.objects.filter(account=account).earliest("started_at").id, now=timezone.now())
    assert reconciling.reconcile(gateway=store, since=began, now=later).found == 0
    assert not Difference.objects.filter(state="open").exists()
    audited()


# Google Play's own ways


def test_a_purchase_to_be_paid_in_cash_waits_for_it(on_phones: Phones) -> None:
    account = an_account(country="JP")
    bought = on_phones.buys("google", account, pending=True, price=1_500_000, currency="JPY")
    top_up = handed_in("google", account, bought)
    assert (top_up.status, coins_of(account)) == ("pending", 0)
    on_phones.heard()
    assert coins_of(account) == 0
    on_phones.does("google", bought, "pay")
    polling.poll(limit=10, now=timezone.now() + timedelta(seconds=61))
    top_up.refresh_from_db()
    assert (top_up.status, top_up.amount_minor, top_up.currency) == ("paid", 1500, "JPY")
    on_phones.heard()
    assert (coins_of(account), Lot.objects.get().paid_minor) == (1000, 1500)
    audited()


def test_a_pending_purchase_that_is_cancelled_ends(on_phones: Phones) -> None:
    account = an_account(country="JP")
    bought = on_phones.buys("google", account, pending=True)
    top_up = handed_in("google", account, bought)
    on_phones.does("google", bought, "cancel")
    on_phones.heard(2)
    top_up.refresh_from_db()
    assert (top_up.status, coins_of(account)) == ("failed", 0)


def test_google_is_told_that_the_coins_were_delivered_and_only_then(on_phones: Phones) -> None:
    account = an_account(country="DE")
    bought = on_phones.buys("google", account)
    assert not on_phones.look("google", bought)["consumed"]
    top_up = handed_in("google", account, bought)
    on_phones.stores["google"].control("answers", down=True)
    now = timezone.now() + timedelta(seconds=1)
    assert delivering.tell_due(limit=10, now=now) == 1
    on_phones.stores["google"].control("answers")
    assert delivering.tell_due(limit=10, now=now) == 0, "not again at once"
    later = now + delivering.AGAIN_AFTER
    assert delivering.tell_due(limit=10, now=later) == 1
    assert on_phones.look("google", bought)["consumed"]
    top_up.refresh_from_db()
    assert top_up.finish_at is None
    pending = handed_in("google", account, on_phones.buys("google", account, pending=True))
    assert pending.finish_at is None
    assert handed_in("apple", account, on_phones.buys("apple", account)).finish_at is None


# Apple's question


@pytest.mark.parametrize(
    ("used", "percentage", "wish"),
    [(0, 0, "GRANT_FULL"), (250, 25_000, "GRANT_PRORATED"), (1000, 100_000, "DECLINE")],
)
def test_apple_is_told_how_much_was_used_where_the_buyer_agreed(
    on_phones: Phones, used: int, percentage: int, wish: str
) -> None:
    account = an_account()
    bought = on_phones.buys("apple", account)
    answer = claim("apple", account, bought, shares_use=True)
    assert answer.status_code == 201
    if used:
        spent(account, used)
    on_phones.does("apple", bought, "ask_use")
    on_phones.heard(2)
    told = on_phones.look("apple", bought)["told"]
    assert (told["consumptionPercentage"], told["refundPreference"]) == (percentage, wish)
    assert (told["customerConsented"], told["deliveryStatus"]) == (True, "DELIVERED")


def test_what_an_earlier_refund_took_was_not_used(on_phones: Phones) -> None:
    account = an_account()
    bought = on_phones.buys("apple", account, price=10_000)
    assert claim("apple", account, bought, shares_use=True).status_code == 201
    on_phones.does("apple", bought, "refund", percentage=40_000)
    on_phones.heard(2)
    left = coins_of(account)
    spent(account, 250)
    on_phones.does("apple", bought, "ask_use")
    on_phones.heard()
    assert (left, on_phones.look("apple", bought)["told"]["consumptionPercentage"]) == (600, 25_000)
    on_phones.does("apple", bought, "reverse")
    on_phones.heard()
    on_phones.does("apple", bought, "ask_use")
    on_phones.heard()
    assert on_phones.look("apple", bought)["told"]["consumptionPercentage"] == 25_000


def test_of_a_buyer_who_did_not_agree_nothing_is_told(on_phones: Phones) -> None:
    account = an_account()
    bought = on_phones.buys("apple", account)
    handed_in("apple", account, bought)
    on_phones.does("apple", bought, "ask_use")
    on_phones.heard(2)
    assert on_phones.look("apple", bought)["told"] is None
    assert set(Notice.objects.values_list("state", flat=True)) == {"done"}


def test_a_product_is_one_pack_of_a_platform() -> None:
    from django.db import IntegrityError, transaction

    with pytest.raises(IntegrityError, match="coin_pack_product_once"), transaction.atomic():
        CoinPack.objects.create(market_id="US", surface="ios", coins=123, price_minor=99, product_id="coins_100")
    assert store_purchases.PurchaseRefused(gateway="apple", reason="gone_back").detail
