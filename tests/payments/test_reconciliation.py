"""What the provider says and what we say are compared; where they differ, a person finds a row, and resolves it."""

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import IntegrityError, OperationalError, connection, transaction
from django.utils import timezone

from payments import by_method, clearing, differences, fiat, ledger, providers, reconciling, returns, top_up_ends
from payments.gateways.base import GatewayRefused
from payments.gateways.two_c_two_p import TwoCTwoPGateway
from payments.models import Difference, Journal, ProviderLine, Reconciliation, ReturnKind, TopUp, TopUpStatus
from promote.refusals import Invalid, WrongState
from tests.builders import a_number, a_user, an_account
from tests.payments.books import a_paid_top_up, book
from tests.payments.buying import a_top_up, deliver, work_off
from tests.payments.counter import buys, confirmed

pytestmark = pytest.mark.django_db
LATER = timedelta(hours=4)


def paid(at_till, **facts):
    """A top-up that was paid at the provider and heard of here."""
    top_up = a_top_up(**facts)
    at_till.pays(top_up)
    deliver(at_till.of_kind("checkout.session.completed"))
    work_off()
    return TopUp.objects.get(id=top_up.id)


def compared(since, now=None):
    return reconciling.reconcile(gateway="stripe", since=since, now=now or timezone.now() + LATER)


def found():
    """What differs of single payments and returns."""
    rows = Difference.objects.filter(state="open").exclude(kind="clearing")
    return {(row.kind, row.subject): row for row in rows}


@pytest.fixture
def began(at_till):
    """The time of this test at the provider, which goes by whole seconds and served others before."""
    lines = at_till.stripe.client.v1.balance_transactions.list({"limit": 1}).data
    start = (lines[0].created if lines else 0) + 1
    while timezone.now().timestamp() < start:
        pass
    return timezone.now().replace(microsecond=0)


def test_where_both_say_the_same_nothing_is_found_and_fees_and_payouts_are_booked(at_till, began):
    top_up = paid(at_till, coins=1000)
    run = compared(began)
    assert (run.lines, run.found) == (1, 0)
    fee = ProviderLine.objects.get(payment_ref=top_up.payment_ref).fee_minor
    assert fee > 0
    assert (book("gateway_fees"), book("clearing:stripe")) == (-fee, -(top_up.amount_minor - fee))
    journals = Journal.objects.count()
    assert compared(began).found == 0
    assert (Journal.objects.count(), Difference.objects.count()) == (journals, 0), "again, it changes nothing"


def test_a_payment_that_we_do_not_have_is_found_and_gone_once_we_have_it(at_till, began):
    top_up = a_top_up(coins=1000)
    at_till.pays(top_up)
    assert compared(began).found == 1
    (row,) = found().values()
    assert (row.kind, row.theirs_minor, row.theirs_currency, row.ours_minor) == ("missing_here", 990, "USD", None)
    deliver(at_till.of_kind("checkout.session.completed"))
    work_off()
    assert compared(began).found == 0
    row.refresh_from_db()
    assert row.state == "gone"
    assert [note.to_state for note in row.notes.all()] == ["open", "gone"]


def test_a_payment_that_only_we_have_is_found_once_the_provider_had_its_hours(at_till, began):
    top_up = a_paid_top_up(an_account(), 100, paid_at=timezone.now())
    compared(began, now=timezone.now())
    assert not found()
    compared(began)
    assert found().keys() == {("missing_there", top_up.payment_ref)}


def test_another_amount_or_currency_is_found(at_till, began):
    first, second = paid(at_till, coins=1000), paid(at_till, coins=500)
    compared(began)
    lines = ProviderLine.objects.all()
    wrong = [lines.get(payment_ref=first.payment_ref), lines.get(payment_ref=second.payment_ref)]
    for line, change in zip(wrong, [{"amount_minor": 1}, {"currency": "EUR"}], strict=True):
        ProviderLine.objects.bulk_create([ProviderLine(**{**as_facts(line), **change, "ref": f"wrong {line.ref}"})])
    compared(began)
    assert found().keys() == {("amount", first.payment_ref), ("currency", second.payment_ref)}


def as_facts(line):
    return {field.name: getattr(line, field.name) for field in line._meta.fields if field.name != "id"}


def test_money_that_was_paid_back_there_and_not_here_is_found_and_followed(at_till, began):
    top_up = paid(at_till, coins=1000)
    refund = at_till.stripe.client.v1.refunds.create({"payment_intent": top_up.payment_ref, "amount": 100})
    compared(began)
    row = found()["return_unknown", refund.id]
    assert (row.theirs_minor, row.top_up, row.method) == (-100, top_up, "card")
    returns.confirm(top_up_id=top_up.id, now=timezone.now())
    assert compared(began).found == 0
    assert not found()
    (there,) = [one for one in clearing.clearing("stripe") if one.currency == "USD"]
    assert there.ours_minor == 990 - 100 - ProviderLine.objects.get(kind="payment").fee_minor


def test_a_paid_out_clearing_account_is_empty(at_till, began):
    top_up = paid(at_till, coins=1000)
    returns.take(
        top_up_id=top_up.id, kind=ReturnKind.REFUND, provider_ref="re_unknown_there", amount_minor=1, now=began
    )
    compared(began)
    assert ("missing_there", "re_unknown_there") in found()
    before = book("clearing:stripe")
    line = ProviderLine(
        gateway="stripe", ref="txn_payout", kind="payout", at=began, amount_minor=before, fee_minor=0, currency="USD",
        subject="po_1", read_at=began,
    )  # fmt: skip
    ledger.post_many([reconciling._entry("stripe", line)], now=began)
    assert (book("clearing:stripe"), book("bank")) == (0, before)


def test_a_clearing_account_that_stays_apart_is_a_difference_until_it_is_not(at_till, began):
    paid(at_till, coins=1000)
    assert compared(began).found == 0
    lost(7, began)
    assert compared(began).found == 1
    (row,) = Difference.objects.filter(kind="clearing")
    assert (row.gateway, row.ours_currency, row.ours_minor - row.theirs_minor) == ("stripe", "USD", -7)
    lost(-2, began)
    assert compared(began).found == 0, "the same row"
    row.refresh_from_db()
    assert (row.state, row.ours_minor - row.theirs_minor) == ("open", -5)
    lost(-5, began)
    compared(began)
    row.refresh_from_db()
    assert [note.to_state for note in row.notes.all()] == ["open", "open", "gone"]


def test_an_account_that_is_apart_as_was_resolved_is_not_told_of_again(at_till, began):
    lost(7, began)
    compared(began)
    (row,) = Difference.objects.filter(kind="clearing")
    differences.resolve(difference_id=row.id, reason="The bank kept it", by=a_user(is_staff=True), now=began)
    assert compared(began).found == 0
    lost(1, began)
    assert compared(began).found == 1


def test_what_is_under_way_or_a_difference_of_its_own_leaves_no_account_apart(at_till, began):
    a_paid_top_up(an_account(), 100, paid_at=timezone.now())
    compared(began, now=timezone.now())
    (there,) = clearing.clearing("stripe")
    assert there.apart_minor == 100, "the provider has not booked it yet"
    at_till.pays(a_top_up(coins=1000))
    compared(began)
    assert {kind for kind, _subject in found()} == {"missing_here", "missing_there"}
    assert not Difference.objects.filter(kind="clearing").exists()


def lost(amount_minor, now):
    """Money that left our books beside every payment."""
    moves = fiat.moved("USD", debit="correction", credit="clearing:stripe", amount_minor=amount_minor)
    fiat.post(kind="test", key=f"lost {a_number()}", ref="", movements=moves, now=now)


def test_each_method_is_compared_in_the_period_of_the_last_run(at_till, began):
    first, second = paid(at_till, coins=1000), paid(at_till, coins=500)
    at_till.stripe.client.v1.refunds.create({"payment_intent": first.payment_ref, "amount": 100})
    returns.confirm(top_up_id=first.id, now=timezone.now())
    unknown = a_paid_top_up(an_account(), 30, method="paypal", paid_at=timezone.now())
    compared(began)
    (run,) = by_method.last_runs()
    card, other = by_method.sums(run)
    assert (card.method, card.currency, card.taken_minor, card.back_minor) == (
        "card",
        "USD",
        990 + second.amount_minor,
        100,
    )
    assert (card.their_taken_minor, card.their_back_minor, card.apart_minor) == (card.taken_minor, 100, 0)
    assert (other.method, other.taken_minor, other.their_taken_minor) == ("paypal", unknown.amount_minor, 0)


def test_finance_resolves_a_difference_with_a_reason_and_it_stays_resolved(at_till, began):
    at_till.pays(a_top_up(coins=1000))
    compared(began)
    (row,) = found().values()
    by = a_user(is_staff=True)
    with pytest.raises(Invalid):
        differences.resolve(difference_id=row.id, reason=" ", by=by, now=began)
    differences.resolve(difference_id=row.id, reason="A test payment of ours", by=by, now=began)
    with pytest.raises(WrongState):
        differences.resolve(difference_id=row.id, reason="Once more", by=by, now=began)
    assert compared(began).found == 1, "its money stands on the clearing account until it is booked"
    assert compared(began).found == 0
    row.refresh_from_db()
    assert row.state == "resolved"
    assert [(note.to_state, note.by) for note in row.notes.all()][-1] == ("resolved", by)
    with pytest.raises(OperationalError, match="stays as it was"), transaction.atomic():
        Difference.objects.filter(id=row.id).update(state="open")
    other = Difference.objects.create(
        gateway="stripe", kind="amount", subject="x", at=began, ours_minor=1, found_at=began
    )
    with pytest.raises(IntegrityError, match="resolved without a reason"), transaction.atomic():
        Difference.objects.filter(id=other.id).update(state="resolved")
        connection.check_constraints()
    with pytest.raises(OperationalError, match="stay as they were"), transaction.atomic():
        row.notes.all().delete()


def test_one_payment_that_a_provider_will_not_speak_of_is_named_and_the_others_are_compared(at_counter, monkeypatch):
    known, unknown = (buys("TH", "truemoney") for _ in range(2))
    for top_up in (known, unknown):
        at_counter.pays(top_up)
        confirmed(top_up)
    ask = TwoCTwoPGateway.lines_of

    def answer(gateway, there):
        if there.provider_ref == unknown.provider_ref:
            raise GatewayRefused("2C2P: 4032")
        return ask(gateway, there)

    monkeypatch.setattr(TwoCTwoPGateway, "lines_of", answer)
    now = timezone.now()
    run = reconciling.reconcile(gateway="2c2p", now=now)
    assert (run.lines, run.error) == (1, f"No word of {unknown}: 2C2P: 4032")
    assert reconciling.reconcile(gateway="2c2p", now=now + timedelta(days=9)).since == now - timedelta(days=2)
    monkeypatch.setattr(TwoCTwoPGateway, "lines_of", lambda *_: answer(None, providers.there(unknown)))
    with pytest.raises(GatewayRefused):
        reconciling.reconcile(gateway="2c2p", now=timezone.now())


@pytest.mark.parametrize(("market", "method"), [("TH", "truemoney"), ("ID", "dana"), ("ID", "doku_bank_transfer")])
def test_what_ended_unpaid_here_and_is_paid_there_is_found(at_counter, market, method):
    lost, ended = buys(market, method), buys(market, method)
    for top_up in (lost, ended):
        top_up_ends.over(top_up.id, to=TopUpStatus.EXPIRED, why="given_up", now=timezone.now())
    at_counter.pays(lost)
    run = reconciling.reconcile(gateway=lost.gateway, now=timezone.now() + LATER)
    (row,) = found().values()
    assert (run.found, row.kind, row.theirs_minor, run.error) == (1, "missing_here", lost.amount_minor, "")
    assert confirmed(lost).status == TopUpStatus.PAID
    reconciling.reconcile(gateway=lost.gateway, now=timezone.now() + LATER)
    assert not found()


def test_the_command_says_how_many_are_open(at_till, began, capsys):
    call_command("reconcile", "stripe", "--days", "1", "--json")
    assert '"open_differences"' in capsys.readouterr().out.splitlines()[-1]
    with pytest.raises(reconciling.NoStatement):
        reconciling.reconcile(gateway="unheard-of", now=began)


def test_days_on_which_nothing_was_compared_are_made_up_for(at_till, began):
    now = timezone.now()
    first = reconciling.reconcile(gateway="stripe", now=now)
    assert first.since == now - timedelta(days=3)
    reconciling.reconcile(gateway="stripe", since=now + timedelta(days=8), now=now + timedelta(days=9))
    next_day = reconciling.reconcile(gateway="stripe", now=now + timedelta(days=10))
    assert next_day.since == now - timedelta(days=2), "an hour by hand is no daily run"
    assert reconciling.reconcile(gateway="stripe", now=now + timedelta(days=11)).since == now + timedelta(days=8)


def test_a_provider_whose_lines_can_not_be_booked_holds_up_no_other(at_till, began, monkeypatch, caplog):
    listed = reconciling._lines

    def list_some(gateway, **times):
        if gateway == "paypal":
            raise KeyError("XTS")
        return listed(gateway, **times)

    monkeypatch.setattr(reconciling, "_lines", list_some)
    monkeypatch.setattr(reconciling, "speaking", lambda: ["paypal", "stripe"])
    assert [run.gateway for run in reconciling.reconcile_all(now=timezone.now())] == ["stripe"]
    assert Reconciliation.objects.get(gateway="paypal").error == "KeyError: XTS"
    assert "paypal can't be compared" in caplog.text
