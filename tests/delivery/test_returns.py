"""Charges found invalid later go back unasked, to the micro, to whoever paid, once."""

import csv
import io
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.test import Client

from analytics import reports
from delivery import charges, diagnosis, figures, invalid, ownership
from delivery.edge import watching
from delivery.engine.tokens import pseudonym
from delivery.models import ChargeReturn, Finding, FoundReason, InvalidCharge, SweptHour
from orders import placement
from orders.models import Order
from payments import escrow, invoices, wallet
from payments.audit.running import run as run_audit
from payments.documents.sheet import sheet
from payments.models import Invoice, InvoiceKind
from promote import ids
from promote.eligibility import BROWSER
from promote.front.order_page import order_page
from promote.keys import keyring
from promote.notifications.models import Notification
from promote.notifications.sentences import sentence
from tests.api.callers import a_browser, an_app
from tests.builders import (
    NOON,
    a_campaign,
    a_delivering_order,
    a_quote,
    a_user,
    a_video,
    an_account,
    an_offer,
    approved,
    settled,
)
from tests.delivery.world import RESERVE, a_token, drained, left, paced, spent, told
from tests.payments.books import a_paid_top_up, book

pytestmark = pytest.mark.django_db
HOUR = {"since": NOON - timedelta(minutes=30), "until": NOON + timedelta(minutes=30)}


def delivered(*viewers, price=RESERVE, order=None, views=False, **facts):
    """An order that was shown to each of these viewers once, drained. `views`: each of them watched."""
    order = order or a_delivering_order(**facts)
    paced(order)
    for viewer in viewers:
        # A token of a lost generation needs no release, so that a few can cost whole coins.
        told(token := a_token(order, generation=0, viewer=viewer, price_micros=price))
        if views:
            told(token, "view_2s")
    drained(order)
    return order


def paid_with_bought_coins():
    account = an_account()
    a_paid_top_up(account=account, coins=1000)
    quote = a_quote(account, a_video(account))
    order = placement.place(account=account, quote=quote.sealed, key="k", caller=BROWSER, now=NOON)
    return approved(order)


def found(reason=FoundReason.FRAUD, **facts):
    return invalid.find(**{"reason": reason, "by": None, "now": NOON, **HOUR, **facts})


def returned(finding, now=NOON):
    return invalid.give_back(finding_id=finding.id, now=now)


def invoiced(order):
    about = {"title": "Batik", "objective": order.objective}
    return invoices.issue_for_order(
        order_ref=order.public_id, account=order.account, market=order.market, about=about, now=NOON
    )


def listed(order):
    return list(charges.everything(Order.objects.get(id=order.id)))


def told_by_api(order):
    return an_app(order.account).get(f"/orders/{order.public_id}").json()["charges_returned"]


def shown(order):
    """The order's page."""
    page = a_browser(order.account).client.get(f"/orders/{order.public_id}/").content.decode()
    return " ".join(page.split())


def streamed(order):
    """What the edge tells who watches it."""
    return watching._told(figures.live([order.id])[order.id])


def agree_page_and_stream(order):
    order = Order.objects.get(id=order.id)
    page, told = order_page(order, now=NOON), streamed(order)
    assert told["spent_micros"] == page.spent_micros
    assert told["left_micros"] == page.left_micros
    # As the page's script works it out.
    assert -(-told["spent_micros"] // told["results"]["count"]) == page.result.cost_per_micros
    assert reports.results_of([order])[order.id] == page.result


def all_books_agree():
    report = run_audit()
    assert report.ok, {name: check for name, check in report.checks.items() if not check.ok}


@pytest.mark.usefixtures("static_files")
def test_a_running_order_gets_them_back_into_its_budget_and_its_owner_is_told():
    order = delivered(1, 2, 2, 3)
    finding = found(order_id=order.id, viewers=[2])
    assert returned(finding) == 1
    assert spent(order) == 2 * RESERVE
    assert left(order) == order.cost_micros - 2 * RESERVE
    note = Notification.objects.filter(account=order.account).latest("id")
    assert note.kind == "order_charges_credited"
    assert "2 of the times" in sentence(note)
    assert "budget again" in sentence(note)
    [row] = [charge for charge in listed(order) if charge.type == "return"]
    assert (row.price_micros, row.reason) == (-2 * RESERVE, "fraud")
    assert sum(charge.price_micros for charge in listed(order) if charge.valid) == spent(order)
    assert told_by_api(order) == {"impressions": 2, "micros": 2 * RESERVE, "coins": 0}
    assert "Found invalid: 2 views" in shown(order)
    assert "not charged" in shown(order)
    all_books_agree()


def test_what_is_spent_is_one_number_on_the_page_in_its_stream_and_in_the_diagnosis():
    order = delivered(1, 2, 3, price=1_100_000, order=paid_with_bought_coins(), views=True)
    agree_page_and_stream(order)
    returned(found(order_id=order.id, viewers=[2]))
    assert spent(order) == 2_200_000
    assert streamed(order)["spent_micros"] == diagnosis.of(order, now=NOON).spent_micros == spent(order)
    agree_page_and_stream(order)
    order = settled(order)
    invoiced(order)
    agree_page_and_stream(order)
    assert returned(found(order_id=order.id, viewers=[3])) == 1
    assert streamed(order)["spent_micros"] == 2_000_000, "whole coins, as it was settled"
    agree_page_and_stream(order)


def test_it_settles_as_if_they_had_never_been():
    order = delivered(1, 2, 3, price=2500)
    returned(found(order_id=order.id, viewers=[2, 3]))
    order = settled(order)
    assert order.charged_micros == 2500
    assert order.refunded_coins == order.pay_coins
    assert sum(charge.price_micros for charge in listed(order) if charge.valid) == 0
    all_books_agree()


def test_the_same_charge_is_returned_once_however_often_it_is_found():
    order = delivered(1, 2)
    first, second = found(order_id=order.id), found(order_id=order.id, viewers=[1])
    assert (returned(first), returned(second), returned(first)) == (1, 0, 0)
    assert spent(order) == 0
    assert InvalidCharge.objects.count() == 2
    assert ChargeReturn.objects.count() == 1


def test_a_run_that_was_killed_goes_on_where_it_stopped():
    orders = [delivered(7), delivered(7), delivered(8)]
    finding = found(viewers=[7])
    invalid._give_back(finding.id, orders[0].id, NOON)
    assert [spent(order) for order in orders] == [0, RESERVE, RESERVE]
    assert invalid.give_back_due(now=NOON) == 1
    assert [spent(order) for order in orders] == [0, 0, RESERVE]
    assert invalid.give_back_due(now=NOON) == 0


@pytest.mark.usefixtures("static_files")
def test_a_settled_order_returns_them_to_the_lots_that_paid_and_corrects_its_invoice():
    order = delivered(1, 2, 3, price=1_100_000, order=paid_with_bought_coins())
    order = settled(order)
    assert order.spent_coins == 3
    finding = found(order_id=order.id, viewers=[2, 3])
    assert returned(finding) == 0, "its invoice is not issued yet"
    invoice = invoiced(order)
    before = wallet.balance(account=order.account).free_coins
    revenue = book("revenue")
    assert invalid.give_back_due(now=NOON) == 1
    # 1.1 coins are left of 3.3: one whole coin instead of three.
    assert wallet.balance(account=order.account).free_coins == before + 2
    note = Invoice.objects.get(kind=InvoiceKind.CREDIT_NOTE)
    assert (note.corrects, note.gross_minor) == (invoice, 2)
    assert book("revenue") == revenue - 2
    assert sheet(note)["title"] == "Credit note"
    told_last = sentence(Notification.objects.filter(kind="order_charges_returned").get())
    assert "Returned to you: 2 coins" in told_last
    assert sum(charge.price_micros for charge in listed(order) if charge.valid) == 1_000_000
    assert charges.spent_micros(order) == 1_000_000
    assert told_by_api(order) == {"impressions": 2, "micros": 2_200_000, "coins": 2}
    assert "+2 to your balance" in shown(order)
    all_books_agree()


def test_returns_below_a_coin_add_up_to_one():
    order = settled(delivered(1, 2, 3, 4, price=500_000))
    invoiced(order)
    assert order.spent_coins == 2
    for viewer, coins in ((1, 1), (2, 0), (3, 1)):
        finding = found(order_id=order.id, viewers=[viewer])
        assert returned(finding) == 1
        assert finding.returns.get().coins == coins
    assert sum(charge.price_micros for charge in listed(order) if charge.valid) == 0
    all_books_agree()


def test_a_coupon_gets_its_part_back_to_the_micro():
    account = an_account()
    offer = an_offer(account, campaign=a_campaign(coins=200))
    order = settled(delivered(1, 2, account=account, offer=offer, price=1_234_567))
    campaign = offer.campaign.ledger_account_id
    before = escrow.left(escrow_ids=[campaign])[campaign]
    returned(found(order_id=order.id, viewers=[2]))
    assert escrow.left(escrow_ids=[campaign])[campaign] == before + 1_234_567
    assert sum(charge.price_micros for charge in listed(order) if charge.valid) == 1_234_567
    all_books_agree()


def test_viewers_who_were_billed_for_more_than_a_person_sees_are_found_by_themselves(settings):
    settings.VIEWER_IMPRESSIONS_PER_HOUR = 3
    order = delivered(5, 5, 5, 5, 6)
    now = NOON + timedelta(hours=2)
    assert invalid.sweep(now=now) == 1
    assert invalid.sweep(now=now) == 0
    assert invalid.give_back_due(now=now) == 1
    assert spent(order) == RESERVE
    finding = Finding.objects.get()
    assert (finding.reason, finding.viewers) == ("viewer_too_fast", [5])


def test_an_hour_is_looked_at_once_what_happened_in_it_is_told(settings):
    settings.VIEWER_IMPRESSIONS_PER_HOUR = 3
    order = delivered(5, 5, 5, 5)
    assert invalid.sweep(now=NOON + timedelta(hours=1, minutes=5)) == 0
    delivered(5, 5, order=order)
    assert invalid.sweep(now=NOON + timedelta(hours=1, minutes=20)) == 1
    # The next hour is looked at, and none that was.
    delivered(5, order=order)
    assert invalid.sweep(now=NOON + timedelta(hours=2, minutes=20)) == 0
    assert SweptHour.objects.latest("hour").hour == NOON + timedelta(hours=1)
    invalid.give_back_due(now=NOON + timedelta(hours=3))
    assert spent(order) == RESERVE


def test_who_limits_tracking_is_found_by_name_too():
    secret = keyring.from_settings().current(ownership.PURPOSE).secret
    lasting, of_the_day = (pseudonym(secret, "ann", day=day) for day in (None, int(NOON.timestamp()) // 86_400))
    order = delivered(lasting, of_the_day, 3)
    returned(found(viewers=invalid.pseudonyms(["ann"], **HOUR)))
    assert spent(order) == RESERVE


def test_a_return_that_is_not_the_sum_of_its_charges_is_refused_by_the_database():
    order = delivered(1, 2)
    finding = found(order_id=order.id, viewers=[1])
    returned(finding)
    [back] = ChargeReturn.objects.all()
    for wrong in (
        lambda: ChargeReturn.objects.update(micros=RESERVE + 1),
        lambda: InvalidCharge.objects.update(returned=None),
        lambda: InvalidCharge.objects.update(price_micros=1),
        lambda: InvalidCharge.objects.all().delete(),
        lambda: InvalidCharge.objects.create(
            day=NOON.date(), token=ids.new(), finding=finding, order=order, price_micros=5, returned=back
        ),
    ):
        with pytest.raises(IntegrityError, match="is not the sum of its charges"), transaction.atomic():
            wrong()
            with connection.cursor() as cursor:
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def test_finance_returns_them_by_command_and_in_the_admin(static_files):
    secret = keyring.from_settings().current(ownership.PURPOSE).secret
    order = delivered(pseudonym(secret, "bot-farm-1"), 9)
    staff = a_user(is_staff=True, is_superuser=True)
    out = io.StringIO()
    call_command(
        "return_invalid", "--json", reason="fraud", since="2026-11-24T11:00:00Z", until="2026-11-24T13:00:00Z",
        viewer=["bot-farm-1"], by=staff.username, stdout=out,
    )  # fmt: skip
    assert '"impressions": 1' in out.getvalue()
    assert spent(order) == RESERVE
    client = Client()
    client.force_login(staff)
    asked = {
        "reason": "bot", "since_0": "2026-11-24", "since_1": "11:00", "until_0": "2026-11-24", "until_1": "13:00",
        "order": order.public_id, "viewers": "", "note": "seen by support",
    }  # fmt: skip
    assert "Name an order" in client.post("/admin/delivery/finding/add/", {**asked, "order": ""}).content.decode()
    assert client.post("/admin/delivery/finding/add/", asked).status_code == 302
    finding = Finding.objects.get(note="seen by support")
    client.post("/admin/delivery/finding/", {"action": "return_again", "_selected_action": [str(finding.id)]})
    assert spent(order) == 0
    for page in ("finding", "chargereturn", "unbilledhour"):
        shown = client.get(f"/admin/delivery/{page}/?q={order.public_id}")
        assert shown.status_code == 200


def test_the_owner_sees_what_was_returned_on_the_page_and_in_the_file():
    order = delivered(1, 2)
    returned(found(order_id=order.id, viewers=[2]))
    lines = list(csv.DictReader(io.StringIO(b"".join(_file(order)).decode())))
    assert [line["type"] for line in lines] == ["impression", "impression", "return"]
    assert sum(int(line["price_micros"]) for line in lines if line["valid"] == "true") == RESERVE


def _file(order):
    from promote.front.page_charges import _lines

    return [line.encode() for line in _lines(order)]
