"""The payment table of DESIGN.md 2, cell by cell: offered where it says, paid, refused, let go, told twice."""

from datetime import timedelta

import pytest
from django.utils import timezone

from payments import polling, top_ups, wallet
from payments.models import Lot, Notice, TopUpStatus
from tests.api.callers import an_app
from tests.builders import an_account
from tests.payments.buying import deliver
from tests.payments.counter import Counter, buys, confirmed, post, work_off
from tests.payments.transfers import a_bank_account

pytestmark = pytest.mark.django_db

TABLE = {
    "ID": ["card", "dana", "ovo", "doku_bank_transfer", "offline_bank_transfer"],
    "TH": ["card", "paypal", "rabbit_line_pay", "2c2p_bank_transfer", "truemoney"],
    "GB": [],
    "US": ["card", "paypal", "direct_debit"],
    "AU": ["card", "paypal", "paypal_reference"],
    "CA": ["card", "paypal"],
    "JP": [],
    "DE": [],
}
GOOGLE_SELLS_IN = {"GB", "JP", "DE"}
CELLS = [(market, method) for market, methods in TABLE.items() for method in methods]


@pytest.mark.parametrize("surface", ["ios", "android", "web"])
@pytest.mark.parametrize("market", TABLE)
def test_each_market_offers_what_its_table_says(at_counter: Counter, market: str, surface: str) -> None:
    account = an_account(country=market)
    stores = {"ios": ["apple"], "android": ["google"] if market in GOOGLE_SELLS_IN else [], "web": []}
    expected = stores[surface] + ([] if surface == "ios" else TABLE[market])
    here = top_ups.methods(account=account, surface=surface)
    assert [one.method.code for one in here.offered] == expected
    answer = an_app(account, app_platform=surface).get("/top-ups/methods").json()
    assert [one["method"] for one in answer["results"]] == expected
    assert (answer["hint"] is None) == bool(expected)


@pytest.fixture(autouse=True)
def _our_bank(db: None) -> None:
    a_bank_account("ID")


def carried(here: Counter, top_up, *, times: int = 1) -> None:
    """Every notice that the provider sent, each so many times, backwards; a bank sends none."""
    if top_up.gateway == "bank_transfer":
        return
    if top_up.gateway == "stripe":
        letters = [lambda notice=notice: deliver(notice) for notice in here.till.notices()]
    else:
        letters = [lambda letter=letter: post(letter) for letter in here.letters()]
    for letter in reversed(letters):
        for _ in range(times):
            assert letter().status_code == 200
    work_off()


@pytest.mark.parametrize(("market", "method"), CELLS)
def test_what_is_paid_becomes_coins_once_however_often_it_is_told(
    at_counter: Counter, market: str, method: str
) -> None:
    top_up = buys(market, method)
    assert top_up.status == TopUpStatus.PENDING
    assert confirmed(top_up).status == TopUpStatus.PENDING
    at_counter.pays(top_up)
    carried(at_counter, top_up, times=2)
    assert confirmed(top_up).status == TopUpStatus.PAID
    if top_up.gateway == "paypal":  # the notice of the money itself comes after we took it
        carried(at_counter, top_up, times=2)
    lot = Lot.objects.get(top_up=top_up.id)
    assert (lot.origin, lot.coins, lot.paid_minor) == (method, 1000, top_up.amount_minor)
    assert (lot.currency, lot.withdrawable) == (top_up.currency, True)
    assert wallet.balance(account=top_up.account).free_coins == 1000
    assert not Notice.objects.exclude(state__in=["done", "ignored"]).exists()


@pytest.mark.parametrize(("market", "method"), CELLS)
def test_what_is_paid_and_never_told_is_found_by_asking(at_counter: Counter, market: str, method: str) -> None:
    top_up = buys(market, method)
    at_counter.pays(top_up)
    polling.poll(limit=10, now=timezone.now() + timedelta(seconds=61))
    top_up.refresh_from_db()
    assert top_up.status == TopUpStatus.PAID
    assert wallet.balance(account=top_up.account).free_coins == 1000


@pytest.mark.parametrize(("market", "method"), CELLS)
def test_what_is_refused_brings_nothing_and_says_so(at_counter: Counter, market: str, method: str) -> None:
    top_up = buys(market, method)
    at_counter.declines(top_up)
    ended = "expired" if method in ("card", "doku_bank_transfer", "offline_bank_transfer") else "failed"
    assert confirmed(top_up).status == ended
    assert confirmed(top_up).status == ended
    assert not Lot.objects.filter(account=top_up.account).exists()
    assert top_up.account.notifications.get().kind == f"top_up_{ended}"


@pytest.mark.parametrize(("market", "method"), CELLS)
def test_what_nobody_pays_ends_with_its_time(at_counter: Counter, market: str, method: str) -> None:
    top_up = buys(market, method)
    at_counter.lapses(top_up)
    assert confirmed(top_up).status == TopUpStatus.EXPIRED
    assert not Lot.objects.filter(account=top_up.account).exists()


def test_bank_transfers_have_a_day_and_other_ways_an_hour(at_counter: Counter) -> None:
    lives = {
        method: (top_up.expires_at - top_up.started_at).total_seconds()
        for market, method in [("ID", "doku_bank_transfer"), ("TH", "2c2p_bank_transfer"), ("ID", "dana")]
        if (top_up := buys(market, method))
    }
    assert lives == {"doku_bank_transfer": 86_400, "2c2p_bank_transfer": 86_400, "dana": 3600}
