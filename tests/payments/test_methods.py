"""The payment table of DESIGN.md 2, cell by cell: offered where it says, paid, refused, let go, told twice."""

from datetime import timedelta

import pytest
from django.utils import timezone

from payments import paying_back, payout_accounts, polling, reconciling, top_ups, wallet, withdrawals, withdrawing
from payments.bank import payouts
from payments.gateways.base import NamedAccount
from payments.models import Difference, Lot, Notice, TopUpStatus
from promote.markets.models import CoinPack, Market
from tests.api.callers import an_app
from tests.builders import a_number, an_account
from tests.payments.books import book
from tests.payments.buying import deliver
from tests.payments.counter import Counter, buys, confirmed, post, work_off
from tests.payments.ledgers import audited
from tests.payments.transfers import a_bank_account, one_of_finance

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
ON_EACH = [(market, surface, method) for market, method in CELLS for surface in ("web", "android")]
"""Every cell of what is not bought in a store (those are in test_stores.py), on the platforms that offer it."""
NAMED = {
    "doku_bank_transfer": NamedAccount("014", "Siti Rahayu", "123 456-7890"),
    "2c2p_bank_transfer": NamedAccount("004", "Somchai Jaidee", "123-4-56789-0"),
}
"""What can't go back as it was paid goes to an account that its payer names, once our staff has looked at it."""
LATER = timedelta(hours=4)


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


@pytest.mark.parametrize("surface", ["ios", "android", "web"])
def test_every_other_market_has_its_stores_until_ops_adds_a_method(at_counter: Counter, surface: str) -> None:
    expected = {"ios": ["apple"], "android": ["google"], "web": []}[surface]
    others = Market.objects.exclude(code__in=TABLE.keys())
    assert len(others) > 10
    for market in others:
        here = top_ups.methods(account=an_account(country=market.code), surface=surface)
        assert [one.method.code for one in here.offered] == expected, market.code


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


@pytest.mark.parametrize(("market", "surface", "method"), ON_EACH)
def test_what_is_paid_becomes_coins_once_however_often_it_is_told(
    at_counter: Counter, market: str, surface: str, method: str
) -> None:
    top_up = buys(market, method, surface=surface)
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
def test_the_smallest_and_the_largest_pack_can_be_paid_for(at_counter: Counter, market: str, method: str) -> None:
    packs = CoinPack.objects.filter(market=market, surface="web").order_by("coins")
    for pack in (packs.first(), packs.last()):
        assert pack is not None
        assert buys(market, method, coins=pack.coins).status == TopUpStatus.PENDING


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


@pytest.mark.parametrize(("market", "surface", "method"), ON_EACH)
def test_what_was_paid_goes_back_to_its_source_and_nothing_is_left_to_reconcile(
    at_counter: Counter, market: str, surface: str, method: str
) -> None:
    top_up = buys(market, method, surface=surface)
    at_counter.pays(top_up)
    assert confirmed(top_up).status == TopUpStatus.PAID
    asked = {"account": top_up.account, "surface": surface, "coins": 600, "now": timezone.now()}
    assert bool(withdrawing.quote(**asked).banks) == (method in NAMED)
    made = withdrawals.request(**asked, payout_account=NAMED.get(method), key=f"key-{a_number()}")
    if method in NAMED:
        assert paying_back.work(limit=10, now=timezone.now()) == 0
        withdrawals.approve(withdrawal_id=made.id, by=one_of_finance(), now=timezone.now())
    paying_back.work(limit=10, now=timezone.now())
    arrives(at_counter, top_up)
    made.refresh_from_db()
    top_up.refresh_from_db()
    assert made.status == "succeeded"
    assert top_up.withdrawn_minor == top_up.amount_minor * 600 // 1000
    assert wallet.balance(account=top_up.account).free_coins == 400
    since = confirmed(top_up).paid_at - timedelta(seconds=2)  # type: ignore[operator]
    for gateway in {top_up.gateway, made.legs.get().returned.gateway}:
        reconciling.reconcile(gateway=gateway, since=since, now=timezone.now() + LATER)
    assert not Difference.objects.filter(top_up=top_up)
    assert not Difference.objects.filter(gateway="bank_transfer")
    assert book("clearing:bank_transfer", top_up.currency) == 0
    assert book("withdrawals_payable", top_up.currency) == 0
    audited()


def arrives(here: Counter, top_up) -> None:
    """What is paid back later than it was asked for, and where to."""
    if top_up.gateway == "2c2p":
        here.mail.letters.clear()
        ended = here.of(top_up).control(f"payments/{top_up.provider_ref}/refund-ends", status="RF")
        carried(here, top_up)
        if top_up.method in NAMED:
            assert list(ended["account"].values()) == ["004", "Somchai Jaidee", "1234567890"]
    if payout := top_up.bank_payouts.first():
        if top_up.method in NAMED:
            assert payout_accounts.opened(payout.payout_account) == NamedAccount("014", "Siti Rahayu", "1234567890")
        now = timezone.now()
        payouts.tell(payout_id=payout.id, is_sent=True, told="OUT-1", by=one_of_finance(), now=now)
        payouts.confirm(payout_id=payout.id, by=one_of_finance(), now=now)
        paying_back.work(limit=10, now=now + timedelta(hours=1))


def test_bank_transfers_have_a_day_and_other_ways_an_hour(at_counter: Counter) -> None:
    lives = {
        method: (top_up.expires_at - top_up.started_at).total_seconds()
        for market, method in [("ID", "doku_bank_transfer"), ("TH", "2c2p_bank_transfer"), ("ID", "dana")]
        if (top_up := buys(market, method))
    }
    assert lives == {"doku_bank_transfer": 86_400, "2c2p_bank_transfer": 86_400, "dana": 3600}
