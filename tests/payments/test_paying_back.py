"""PayPal, DOKU and 2C2P pay back to where the money came from, and what goes back there by hand is heard of."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.utils import timezone

from payments import paying_back, providers, reconciling, returns, wallet, withdrawals, withdrawing
from payments.gateways import two_c_two_p_action
from payments.gateways.base import GatewayRefused
from payments.gateways.two_c_two_p import TwoCTwoPGateway
from payments.models import Difference, LegState, PaymentReturn, ProviderLine, Refused, TopUp, WithdrawalLeg
from tests.builders import a_number, an_account
from tests.payments.books import book
from tests.payments.counter import Counter, buys, confirmed, post, work_off
from tests.payments.ledgers import audited

pytestmark = pytest.mark.django_db
LATER = timedelta(hours=4)

PAYS_BACK = [("AU", "paypal"), ("ID", "dana"), ("ID", "ovo"), ("TH", "rabbit_line_pay"), ("TH", "truemoney")]
ONE_OF_EACH = [("AU", "paypal"), ("ID", "dana"), ("TH", "truemoney")]
BY_HAND = {"paypal": "amount", "doku": "value", "2c2p": "amount"}


def paid(here: Counter, market: str, method: str) -> TopUp:
    top_up = buys(market, method)
    here.pays(top_up)
    confirmed(top_up)
    return TopUp.objects.get(id=top_up.id)


def heard(here: Counter) -> None:
    """Every notice so far."""
    for letter in here.letters():
        assert post(letter).status_code == 200
    work_off()


def withdrawn(top_up: TopUp, coins: int):
    now = timezone.now()
    made = withdrawals.request(account=top_up.account, surface="web", coins=coins, key=f"key-{a_number()}", now=now)
    paying_back.work(limit=10, now=now)
    made.refresh_from_db()
    return made


def ends(here: Counter, top_up: TopUp, status: str = "RF") -> None:
    """2C2P's wallets pay later, and tell."""
    if top_up.gateway == "2c2p":
        here.mail.letters.clear()
        here.control(top_up, "refund-ends", status=status)
        heard(here)


def refunded_by_hand(here: Counter, top_up: TopUp, amount: str) -> None:
    money = {"currency_code": top_up.currency, "value": amount} if top_up.gateway == "paypal" else amount
    here.mail.letters.clear()
    here.control(top_up, "refund", **{BY_HAND[top_up.gateway]: money})


def compared(top_up: TopUp, *, now=None) -> int:
    run = reconciling.reconcile(
        gateway=top_up.gateway, since=top_up.paid_at - timedelta(seconds=2), now=now or timezone.now() + LATER
    )
    return run.found


def differences(top_up: TopUp) -> list[str]:
    return list(Difference.objects.filter(top_up=top_up, state="open").values_list("kind", flat=True))


@pytest.mark.parametrize(("market", "method"), PAYS_BACK)
def test_a_withdrawal_goes_back_to_its_source_once_and_nothing_is_left_to_reconcile(
    at_counter: Counter, market: str, method: str
) -> None:
    top_up = paid(at_counter, market, method)
    made = withdrawn(top_up, 600)
    WithdrawalLeg.objects.exclude(check_at=None).update(check_at=timezone.now())
    paying_back.work(limit=10, now=timezone.now())
    ends(at_counter, top_up)
    made.refresh_from_db()
    assert made.status == "succeeded"
    (back,) = paying_back.returns_of(top_up, by=top_up.gateway)
    leg = made.legs.get()
    assert (back.reference, back.amount_minor) == (leg.public_id, top_up.amount_minor * 600 // 1000)
    assert wallet.balance(account=top_up.account).free_coins == 400
    rest = withdrawn(top_up, 400)
    ends(at_counter, top_up)
    rest.refresh_from_db()
    assert rest.status == "succeeded"
    top_up.refresh_from_db()
    assert (top_up.withdrawn_minor, top_up.refunded_minor) == (top_up.amount_minor, 0)
    compared(top_up)
    assert not differences(top_up)
    assert ProviderLine.objects.filter(payment_ref=top_up.payment_ref).count() == 3
    assert book("taken_back", top_up.currency) == 0
    audited()


@pytest.mark.parametrize(("market", "method"), ONE_OF_EACH)
def test_a_refund_made_at_the_provider_is_found_and_followed(at_counter: Counter, market: str, method: str) -> None:
    top_up = paid(at_counter, market, method)
    compared(top_up)
    assert not differences(top_up)
    part = top_up.amount_minor // 200  # half of it, in whole units
    refunded_by_hand(at_counter, top_up, f"{part}.00")
    compared(top_up)
    assert differences(top_up) == ["return_unknown"]
    if top_up.gateway == "2c2p":  # nobody is told: a person follows the difference
        returns.confirm(top_up_id=top_up.id, now=timezone.now())
    else:
        heard(at_counter)
    assert PaymentReturn.objects.get(top_up=top_up).amount_minor == part * 100
    assert wallet.balance(account=top_up.account).free_coins == 1000 - 1000 * part * 100 // top_up.amount_minor
    compared(top_up)
    assert not differences(top_up)
    audited()


def test_money_that_a_provider_without_lists_gave_back_a_month_later_is_found(at_counter: Counter) -> None:
    top_up = paid(at_counter, "ID", "dana")
    refunded_by_hand(at_counter, top_up, "100.00")
    month = timezone.now() + timedelta(days=30, hours=1)
    reconciling.reconcile(gateway="doku", now=month)
    assert differences(top_up) == ["return_unknown"]
    returns.confirm(top_up_id=top_up.id, now=month)
    reconciling.reconcile(gateway="doku", now=month + timedelta(hours=1))
    assert not differences(top_up)


def test_a_wallets_refund_that_comes_back_is_on_its_lot_again(at_counter: Counter) -> None:
    for market, method, fails in (("ID", "dana", "refund-fails"), ("TH", "truemoney", "refund-ends")):
        top_up = paid(at_counter, market, method)
        made = withdrawn(top_up, 500)
        at_counter.mail.letters.clear()
        at_counter.control(top_up, fails, **({"status": "RR1"} if market == "TH" else {}))
        heard(at_counter)
        made.refresh_from_db()
        assert (made.status, made.legs.get().state) == ("failed", LegState.FAILED)
        assert wallet.balance(account=top_up.account).free_coins == 1000
        compared(top_up)
        assert not differences(top_up)
    audited()


@pytest.mark.parametrize("outcome", ["RESOLVED_SELLER_FAVOUR", "RESOLVED_BUYER_FAVOUR"])
def test_a_dispute_at_paypal_is_followed_to_its_end_and_says_until_when_to_answer(
    at_counter: Counter, outcome: str
) -> None:
    top_up = paid(at_counter, "AU", "paypal")
    at_counter.mail.letters.clear()
    at_counter.control(top_up, "dispute")
    heard(at_counter)
    made = PaymentReturn.objects.get(top_up=top_up)
    assert (made.kind, made.state, made.amount_minor) == ("dispute", "under_way", top_up.amount_minor)
    assert timedelta(days=9) < made.answer_by - timezone.now() < timedelta(days=11)
    assert wallet.balance(account=top_up.account).free_coins == 0
    compared(top_up)
    assert not differences(top_up)
    at_counter.providers["paypal"].control(f"disputes/{made.provider_ref}/close", outcome=outcome)
    heard(at_counter)
    made.refresh_from_db()
    is_won = outcome == "RESOLVED_SELLER_FAVOUR"
    assert (made.state, made.answer_by) == ("undone" if is_won else "done", None)
    assert wallet.balance(account=top_up.account).free_coins == (1000 if is_won else 0)
    compared(top_up)
    assert not differences(top_up)
    audited()


def test_the_fee_of_a_payment_at_paypal_leaves_the_clearing_account(at_counter: Counter) -> None:
    top_up = paid(at_counter, "AU", "paypal")
    compared(top_up)
    lines = ProviderLine.objects.filter(gateway="paypal", currency="AUD")
    assert lines.get(payment_ref=top_up.payment_ref).fee_minor > 0
    assert book("gateway_fees", "AUD") == -sum(lines.values_list("fee_minor", flat=True))


@pytest.mark.parametrize(("market", "method"), ONE_OF_EACH)
def test_a_provider_away_keeps_the_withdrawal_and_is_left_alone_for_a_while(
    at_counter: Counter, market: str, method: str
) -> None:
    top_up = paid(at_counter, market, method)
    at_counter.of(top_up).control("answers", down=True)
    made = withdrawn(top_up, 100)
    for _ in range(2):
        WithdrawalLeg.objects.update(check_at=timezone.now())
        paying_back.work(limit=10, now=timezone.now())
    assert made.status == "requested"
    assert providers.pause_of(top_up.gateway) is not None
    at_counter.of(top_up).control("answers")
    WithdrawalLeg.objects.update(check_at=timezone.now())
    paying_back.work(limit=10, now=timezone.now())
    ends(at_counter, top_up)
    made.refresh_from_db()
    assert made.status == "succeeded"
    assert providers.pause_of(top_up.gateway) is None
    cache.clear()


def test_more_than_was_paid_is_refused_by_the_provider_too(at_counter: Counter) -> None:
    for market, method in ONE_OF_EACH:
        top_up = paid(at_counter, market, method)
        asked = {"amount_minor": top_up.amount_minor + 100, "currency": top_up.currency, "reference": "wdl_" + "0" * 32}
        with pytest.raises(GatewayRefused):
            providers.ask(
                top_up.gateway, lambda gateway, t=top_up, a=asked: gateway.refund(providers.there(t), key="k", **a)
            )


def test_a_provider_that_does_not_say_what_became_of_a_refund_ends_nothing(
    at_counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    top_up = paid(at_counter, "TH", "truemoney")
    made = withdrawn(top_up, 600)
    assert made.legs.get().state == LegState.SUBMITTED

    def refuses(*_: object) -> None:
        raise GatewayRefused("no token for our keys: 401")

    with monkeypatch.context() as keys_are_wrong:
        for asked in ("returns_of", "refund"):
            keys_are_wrong.setattr(TwoCTwoPGateway, asked, lambda *_, **__: refuses())
        WithdrawalLeg.objects.update(check_at=timezone.now())
        paying_back.work(limit=10, now=timezone.now())
    assert made.legs.get().state == LegState.SUBMITTED
    ends(at_counter, top_up)
    made.refresh_from_db()
    assert (made.status, wallet.balance(account=top_up.account).free_coins) == ("succeeded", 400)
    audited()


def test_what_was_paid_back_there_and_is_taken_for_failed_here_is_a_difference(at_counter: Counter) -> None:
    top_up = paid(at_counter, "AU", "paypal")
    made = withdrawn(top_up, 600)
    compared(top_up)
    assert not differences(top_up)
    leg = made.legs.get()
    withdrawals.conclude(leg_id=leg.id, state=LegState.FAILED, provider_ref="", now=timezone.now())
    compared(top_up)
    assert differences(top_up) == ["return_unknown"]


def test_another_account_sees_nothing_of_it(at_counter: Counter) -> None:
    paid(at_counter, "AU", "paypal")
    with pytest.raises(withdrawing.WithdrawalNotAvailable):
        withdrawing.quote(account=an_account(country="AU"), surface="web", coins=None, now=timezone.now())


def test_a_refunds_notice_that_2c2p_did_not_seal_is_refused_and_counted(at_counter: Counter) -> None:
    top_up = paid(at_counter, "TH", "truemoney")
    withdrawn(top_up, 100)
    at_counter.mail.letters.clear()
    at_counter.control(top_up, "refund-ends", status="RF")
    (letter,) = at_counter.letters()
    head, body, signature = letter.body.split(b".")
    for wrong in (b".".join((head, body[:-2] + b"AA", signature)), body, b"{}", b""):
        assert post(replace(letter, body=wrong)).status_code == 400
    assert Refused.objects.get(gateway="2c2p", reason="signature").times == 4
    assert post(letter).status_code == 200


def test_a_document_type_is_no_xml_of_2c2p() -> None:
    with pytest.raises(ValueError, match="document type"):
        two_c_two_p_action.read('<!DOCTYPE x [<!ENTITY y "z">]><x>&y;</x>')
