"""Coins bought by card: against the real stand-in, with the real SDK."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from payments import checkpoints, crediting, currencies, gateways, ledger, limits, polling, top_ups, wallet
from payments.gateways.base import GatewayAway, GatewayRefused
from payments.gateways.stripe import StripeGateway
from payments.models import Journal, Lot, TopUp, TopUpStatus
from promote.idempotency.answers import KeyReused
from promote.markets.models import CoinPack, Market, MoneyLimit, PaymentMethod
from promote.money import MICROS
from promote.notifications.models import Notification
from promote.outbox.models import Message
from promote.refusals import Invalid, NotFound
from tests.builders import an_account
from tests.front.visitors import an_advertiser, signed_in, text_of
from tests.payments.buying import Till, a_top_up, without
from tests.payments.ledgers import audited, together
from tests.sandbox.stand_in import ASKS, DECLINED, SECRET_KEY

pytestmark = pytest.mark.django_db


def confirmed(top_up: TopUp, **facts: object) -> TopUp:
    return top_ups.confirm(top_up_id=top_up.id, now=timezone.now(), **facts)  # type: ignore[arg-type]


def test_a_card_payment_becomes_coins_in_a_lot_of_their_own(at_till: Till) -> None:
    top_up = a_top_up(coins=1000)
    assert (top_up.status, top_up.amount_minor, top_up.currency) == ("pending", 990, "USD")
    at_till.pays(top_up)
    assert confirmed(top_up).status == TopUpStatus.PAID
    lot = Lot.objects.get(top_up=top_up.id)
    assert (lot.coins, lot.paid_minor, lot.currency, lot.origin, lot.withdrawable) == (1000, 990, "USD", "card", True)
    assert wallet.balance(account=top_up.account).free_coins == 1000
    assert ledger.balances([lot.ledger_account_id]) == {lot.ledger_account_id: 1000 * MICROS}


def test_the_payment_is_found_by_our_own_id_at_the_provider(at_till: Till) -> None:
    top_up = a_top_up()
    session = at_till.stripe.client.v1.checkout.sessions.retrieve(top_up.provider_ref)
    assert session.client_reference_id == top_up.public_id
    assert session.success_url == f"http://127.0.0.1:8000/wallet/top-ups/{top_up.public_id}/"
    assert session.expires_at == int(top_up.expires_at.timestamp())


def test_what_was_paid_stands_in_the_books_of_its_currency(at_till: Till) -> None:
    before = {code: _fiat(code, "GBP") for code in ("clearing:stripe", "coin_liability", "tax_payable")}
    PaymentMethod.objects.create(
        market_id="GB", code="card", in_app=False, gateway="stripe", surfaces=["web"], position=9
    )
    top_up = a_top_up(an_account(country="GB"), coins=500)
    assert (top_up.amount_minor, top_up.tax_minor, top_up.net_minor) == (495, 83, 412)  # 20 % within 4.95
    at_till.pays(top_up)
    confirmed(top_up)
    moved = {code: _fiat(code, "GBP") - was for code, was in before.items()}
    assert moved == {"clearing:stripe": -495, "coin_liability": 412, "tax_payable": 83}


def _fiat(code: str, currency: str) -> int:
    return checkpoints.balance(ledger.platform(code, ledger=currencies.ledger_of(currency)))


def test_the_payer_and_the_rooms_above_are_told_once(at_till: Till) -> None:
    top_up = a_top_up(coins=2500)
    at_till.pays(top_up)
    for _ in range(3):
        confirmed(top_up)
    told = Notification.objects.get(account=top_up.account)
    assert (told.kind, told.payload["coins"]) == ("top_up_paid", 2500)
    (message,) = Message.objects.filter(topic="top_up_paid")
    assert message.payload["top_up"] == str(top_up.id)
    assert list(top_up.transitions.values_list("to_status", "why")) == [("pending", "started"), ("paid", "asked")]


@pytest.mark.parametrize(
    ("why", "store_is_told", "waits"), [("notice", False, "off"), ("asked", False, "on"), ("notice", True, "on")]
)
def test_only_a_credit_that_its_notices_own_end_follows_waits_for_no_disk(
    at_till: Till, why: str, store_is_told: bool, waits: str
) -> None:
    top_up = a_top_up()
    at_till.pays(top_up)
    top_up.finish_at = timezone.now() if store_is_told else None
    with transaction.atomic():
        assert crediting.credit(top_up, why=why, now=timezone.now())
        with connection.cursor() as cursor:
            cursor.execute("SHOW synchronous_commit")
            assert cursor.fetchone() == (waits,)


def test_a_declined_card_leaves_the_top_up_open_for_another_card(at_till: Till) -> None:
    top_up = a_top_up()
    at_till.pays(top_up, DECLINED)
    assert confirmed(top_up).status == TopUpStatus.PENDING
    at_till.pays(top_up)
    assert confirmed(top_up).status == TopUpStatus.PAID


def test_a_card_that_asks_its_holder_is_paid_when_they_answered(at_till: Till) -> None:
    import requests

    top_up = a_top_up()
    at_till.pays(top_up, ASKS)
    assert confirmed(top_up).status == TopUpStatus.PENDING
    requests.post(f"{top_up.redirect_url}/challenge", data={"answer": "complete"}, timeout=10, allow_redirects=False)
    assert confirmed(top_up).status == TopUpStatus.PAID


def test_a_page_nobody_paid_expires_and_says_so(at_till: Till) -> None:
    top_up = a_top_up()
    at_till.stripe.control(f"sessions/{top_up.provider_ref}/lapse")
    assert confirmed(top_up).status == TopUpStatus.EXPIRED
    assert Notification.objects.get(account=top_up.account).kind == "top_up_expired"
    assert not Lot.objects.filter(account=top_up.account).exists()


def test_a_payment_after_the_end_still_buys_its_coins(at_till: Till) -> None:
    top_up = a_top_up()
    at_till.stripe.control(f"sessions/{top_up.provider_ref}/lapse")
    confirmed(top_up)
    at_till.stripe.control(f"sessions/{top_up.provider_ref}/pay", late=True)
    assert confirmed(top_up).status == TopUpStatus.PAID
    assert wallet.balance(account=top_up.account).free_coins == 1000


@pytest.mark.parametrize(
    "wrong", [{"amount_total": 1}, {"amount_total": 991}, {"currency": "jpy"}, {"client_reference_id": "top_other"}]
)
def test_a_payment_of_something_else_buys_nothing_and_is_shown_to_ops(at_till: Till, wrong: dict[str, object]) -> None:
    top_up = a_top_up()
    at_till.stripe.control(f"sessions/{top_up.provider_ref}/pay", **wrong)
    with pytest.raises(top_ups.Mismatch):
        confirmed(top_up)
    top_up.refresh_from_db()
    assert top_up.status == TopUpStatus.PENDING
    assert "instead of" in top_up.problem
    assert top_up.check_at is None
    assert not Lot.objects.filter(account=top_up.account).exists()


def test_test_money_buys_nothing_where_live_money_is_taken(at_till: Till) -> None:
    top_up = a_top_up()
    at_till.pays(top_up)
    live = StripeGateway(secret_key=SECRET_KEY, webhook_secrets=[], api_base=at_till.stripe.url)
    live.is_live = True
    gateways.offer("stripe", lambda: live)
    with pytest.raises(top_ups.Mismatch, match="live mode"):
        confirmed(top_up)


def test_the_same_key_is_the_same_top_up(at_till: Till) -> None:
    account = an_account()
    first, second = a_top_up(account, key="once"), a_top_up(account, key="once")
    assert (first.id, first.redirect_url) == (second.id, second.redirect_url)
    with pytest.raises(KeyReused):
        a_top_up(account, key="once", coins=500)
    assert a_top_up(an_account(), key="once").id != first.id


def test_a_start_that_died_on_the_way_to_the_provider_goes_on(at_till: Till) -> None:
    top_up = a_top_up(key="once")
    TopUp.objects.filter(id=top_up.id).update(redirect_url="", provider_ref="")
    again = a_top_up(top_up.account, key="once", now=timezone.now() + timedelta(seconds=30))
    assert (again.id, again.provider_ref) == (top_up.id, top_up.provider_ref)


def test_a_provider_that_is_away_takes_nothing(at_till: Till) -> None:
    nowhere = StripeGateway(secret_key=SECRET_KEY, webhook_secrets=[], api_base="http://127.0.0.1:1")
    gateways.offer("stripe", lambda: nowhere)
    with pytest.raises(top_ups.ProviderAway):
        a_top_up()
    with pytest.raises(GatewayAway):
        nowhere.fetch("cs_test_1")


def test_what_never_reached_its_provider_is_soon_over_and_counts_against_no_limit(at_till: Till) -> None:
    gateways.offer(
        "stripe", lambda: StripeGateway(secret_key="sk_test_x", webhook_secrets=[], api_base="http://127.0.0.1:1")
    )
    account, market = an_account(country="US"), Market.objects.get(code="US")
    MoneyLimit.objects.create(market=market, flow="top_up", name="unpaid", counts="unpaid", most=1, window_s=86_400)
    for _again in range(2):
        with pytest.raises(top_ups.ProviderAway):
            a_top_up(account)
    later = timezone.now() + timedelta(minutes=11)
    polling.poll(limit=10, now=timezone.now())
    assert set(account.top_ups.values_list("status", flat=True)) == {"pending"}, "its payer may try again with it"
    polling.poll(limit=10, now=later)
    assert set(account.top_ups.values_list("status", "failure")) == {("expired", "not_started")}
    open_to_all = limits.outlook(account=an_account(), market=market, flow=limits.Flow.TOP_UP, now=later)
    assert limits.outlook(account=account, market=market, flow=limits.Flow.TOP_UP, now=later) == open_to_all


@pytest.mark.usefixtures("static_files")
def test_what_its_provider_refuses_to_start_is_over_and_counts_against_no_limit(
    at_till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise GatewayRefused("Stripe: InvalidRequestError 400 amount_too_small")

    monkeypatch.setattr(StripeGateway, "start", refuse)
    account = an_advertiser(country="US")
    with pytest.raises(top_ups.NotStarted):
        a_top_up(account)
    assert account.top_ups.get().status == TopUpStatus.FAILED
    market = Market.objects.get(code=account.country)
    left = limits.outlook(account=account, market=market, flow=limits.Flow.TOP_UP, now=timezone.now()).left_coins
    fresh = limits.outlook(account=an_account(), market=market, flow=limits.Flow.TOP_UP, now=timezone.now()).left_coins
    assert left == fresh
    pack = CoinPack.objects.get(market=market, surface="web", coins=1000)
    page = signed_in(account).post("/wallet/top-up/", {"method": "card", "pack": pack.pk, "key": "k"})
    assert page.status_code == 422
    assert "Pay another way" in text_of(page)
    assert "does not answer" not in text_of(page)


def test_two_who_confirm_at_once_credit_once(committed_db: str, at_till: Till) -> None:
    top_up = a_top_up()
    at_till.pays(top_up)
    assert together([lambda: confirmed(top_up).status] * 4) == ["paid"] * 4
    assert Lot.objects.filter(account=top_up.account).count() == 1
    assert wallet.balance(account=top_up.account).free_coins == 1000
    assert Journal.objects.filter(ref=top_up.public_id).count() == 2
    audited()


# what is offered where


def test_a_method_whose_provider_has_no_keys_here_is_not_offered(at_till: Till) -> None:
    with without("doku"):
        offered = top_ups.methods(account=an_account(country="ID"), surface="web").offered
    assert [one.method.code for one in offered] == ["card"]  # DANA, OVO and the bank transfer are DOKU's
    assert [pack.coins for pack in offered[0].packs] == [100, 500, 1000, 2500, 5000, 10000, 20000]
    assert offered[0].packs[0].price_minor == 1_600_000


@pytest.mark.parametrize(
    ("country", "surface", "hint"),
    [("GB", "web", "open_app"), ("JP", "web", "open_app"), ("US", "ios", "not_here"), ("FJ", "web", "no_market")],
)
def test_where_nothing_is_sold_the_answer_says_where_to_go(
    at_till: Till, country: str, surface: str, hint: str
) -> None:
    account = an_account(country=country)
    with without("apple"):
        here = top_ups.methods(account=account, surface=surface)
    assert (here.offered, here.hint_code) == ((), hint)
    with without("apple"), pytest.raises(top_ups.NoMethodHere) as refused:
        top_ups.start(
            account=account,
            caller_surface=surface,
            method="card",
            pack_id=1,
            key="k",
            return_url="",
            now=timezone.now(),
        )
    assert refused.value.extra == {"reason": hint}
    assert str(here.hint) in refused.value.detail


def test_a_method_switched_off_by_ops_is_not_offered(at_till: Till) -> None:
    PaymentMethod.objects.filter(market_id="US", code="card").update(enabled=False)
    offered = top_ups.methods(account=an_account(), surface="web").offered
    assert [one.method.code for one in offered] == ["paypal", "direct_debit"]


def test_a_methods_limits_leave_packs_out(at_till: Till) -> None:
    PaymentMethod.objects.filter(market_id="US", code="card").update(min_minor=500, max_minor=9900)
    card = top_ups.methods(account=an_account(), surface="web").offered[0]
    assert [pack.coins for pack in card.packs] == [1000, 2500, 5000, 10000]


@pytest.mark.parametrize(("wrong", "field"), [({"method": "dana"}, "method"), ({"pack_id": 0}, "pack")])
def test_what_is_not_offered_can_not_be_bought(at_till: Till, wrong: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        a_top_up(**wrong)
    assert [error.field for error in refused.value.errors] == [field]


def test_a_pack_of_another_market_can_not_be_bought(at_till: Till) -> None:
    cheap = CoinPack.objects.get(market_id="ID", surface="web", coins=100)
    with pytest.raises(Invalid):
        a_top_up(pack_id=cheap.pk)


def test_another_accounts_top_up_is_not_found(at_till: Till) -> None:
    top_up = a_top_up()
    assert top_ups.get(account=top_up.account, public_id=top_up.public_id) == top_up
    for account, name in [(an_account(), top_up.public_id), (top_up.account, "top_1"), (top_up.account, "ord_1")]:
        with pytest.raises(NotFound):
            top_ups.get(account=account, public_id=name)


def test_a_price_change_does_not_touch_what_was_started(at_till: Till) -> None:
    top_up = a_top_up()
    CoinPack.objects.filter(market=top_up.market, surface="web").update(price_minor=1)
    Market.objects.filter(code="US").update(tax_percent=Decimal("9.25"))
    at_till.pays(top_up)
    confirmed(top_up)
    assert Lot.objects.get(top_up=top_up.id).coins == 1000


# what the database keeps


@pytest.mark.parametrize(
    "change", [{"coins": 2000}, {"amount_minor": 1}, {"status": "pending", "paid_at": None}, {"payment_ref": "pi_2"}]
)
def test_the_database_keeps_what_was_paid(at_till: Till, change: dict[str, object]) -> None:
    top_up = a_top_up()
    at_till.pays(top_up)
    confirmed(top_up)
    with pytest.raises(DatabaseError), transaction.atomic():
        TopUp.objects.filter(id=top_up.id).update(**change)
    with pytest.raises(DatabaseError), transaction.atomic():
        top_up.transitions.update(why="changed")
    with pytest.raises(DatabaseError), transaction.atomic():
        TopUp.objects.filter(id=top_up.id)._raw_delete("default")


# when nobody tells us


def test_a_payment_we_never_heard_of_is_found_by_asking(at_till: Till) -> None:
    top_up = a_top_up()
    at_till.pays(top_up)
    assert polling.poll(limit=10, now=timezone.now()) == 0  # not yet: its notice may be on the way
    assert polling.poll(limit=10, now=timezone.now() + timedelta(seconds=61)) == 1
    top_up.refresh_from_db()
    assert top_up.status == TopUpStatus.PAID
    assert top_up.transitions.last().why == "polled"  # type: ignore[union-attr]


def test_an_open_payment_is_asked_about_ever_more_rarely(at_till: Till) -> None:
    top_up, at, waits = a_top_up(), timezone.now(), []
    for _ in range(6):
        top_up.refresh_from_db()
        assert top_up.check_at is not None
        waits.append(round((top_up.check_at - at).total_seconds()))
        at = top_up.check_at
        polling.poll(limit=10, now=at)
    assert waits == [60, 60, 120, 240, 480, 900]


def test_a_payment_of_which_the_provider_knows_nothing_ends_after_a_day(at_till: Till) -> None:
    top_up = a_top_up()
    TopUp.objects.filter(id=top_up.id).update(provider_ref="cs_test_of_nobody")
    polling.poll(limit=10, now=top_up.expires_at + timedelta(days=1))
    top_up.refresh_from_db()
    assert (top_up.status, top_up.transitions.last().why) == (TopUpStatus.EXPIRED, "given_up")  # type: ignore[union-attr]


def test_a_provider_that_is_away_stops_no_other_payment(at_till: Till) -> None:
    lost, top_up = a_top_up(), a_top_up()
    TopUp.objects.filter(id=lost.id).update(provider_ref="cs_test_unknown")
    at_till.pays(top_up)
    polling.poll(limit=10, now=timezone.now() + timedelta(seconds=61))
    top_up.refresh_from_db()
    assert top_up.status == TopUpStatus.PAID
