"""Papers and news on the pages: what was billed and what went back, whom it is made out to, where news lead."""

import re

import pytest

from payments import billing, credit_notes, invoices, returns
from payments.models import ReturnKind
from promote import notifications
from tests.builders import NOON
from tests.front.visitors import an_advertiser, signed_in, text_of
from tests.payments.books import a_paid_top_up

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("static_files")]
DETAILS = {
    "name": "Reef & Wax Pty Ltd",
    "address": "1 Shore Road\r\nByron Bay NSW 2481",
    "tax_id": "ABN 51 824 753 556",
    "email": "books@reef.example",
}


def test_a_credit_note_stands_with_a_minus_and_names_what_it_corrects():
    account = an_advertiser(country="AU")
    top_up = a_paid_top_up(account, 1_000, amount_minor=1_490)
    receipt = invoices.issue_receipt(top_up=top_up, now=NOON)
    returns.take(top_up_id=top_up.id, kind=ReturnKind.REFUND, provider_ref="re_1", amount_minor=500, now=NOON)
    credit_notes.issue_due(now=NOON)
    words = text_of(signed_in(account).get("/invoices/"))
    assert f"Credit note, corrects {receipt.number}" in words
    assert "−A$5.00" in words
    assert "A$14.90" in words
    assert "−A$14.90" not in words


def test_who_invoices_are_made_out_to_is_said_and_changed_on_a_page():
    account = an_advertiser(username="reef")
    browser = signed_in(account)
    assert "Made out to reef" in text_of(browser.get("/invoices/"))
    assert 'value="reef"' in browser.get("/invoices/details/").content.decode()
    saved = text_of(browser.post("/invoices/details/", DETAILS, follow=True))
    for said in ("Saved.", "Made out to Reef & Wax Pty Ltd · ABN 51 824 753 556", "mailed to books@reef.example"):
        assert said in saved
    buyer = billing.buyer(account)
    assert (buyer.name, buyer.email, buyer.address.split()[-1]) == (DETAILS["name"], DETAILS["email"], "2481")


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"name": " "}, "Say whom the invoices are for."),
        ({"email": "books at reef"}, "Enter a valid email address."),
        ({"address": "4242 4242 4242 4242"}, "This holds a card number, and we keep none"),
    ],
)
def test_what_can_not_stand_on_an_invoice_is_said_beside_its_field_and_nothing_is_lost(wrong, told):
    account = an_advertiser(username="reef")
    answer = signed_in(account).post("/invoices/details/", {**DETAILS, **wrong})
    assert answer.status_code == 422
    assert told in text_of(answer)
    assert DETAILS["tax_id"] in answer.content.decode()
    assert billing.buyer(account).name == "reef"


def test_news_lead_to_where_something_can_be_done_about_them():
    account = an_advertiser()
    for kind, about in (
        ("order_not_placed", {"title": "Mugs", "reason": "It sold out.", "target": "vid_1"}),
        ("top_up_failed", {"top_up": "top_1", "coins": 100}),
        ("invoice_issued", {"number": "ID-2026-000001", "order": "ord_1"}),
        ("order_running", {"title": "Mugs", "order": "ord_1"}),
        ("saved_method_gone", {"label": "Visa 4242"}),
        ("withdrawal_failed", {"coins": 5, "withdrawal": "wdr_1"}),
    ):
        notifications.notify(account=account, kind=kind, payload=about, now=NOON)
    page = signed_in(account).get("/notifications/").content.decode()
    found = re.findall(r'class="row-link news-text" href="([^"]+)"', page)
    assert sorted(found) == [
        "/invoices/",
        "/orders/ord_1/",
        "/promote/vid_1/",
        "/wallet/",
        "/wallet/top-ups/top_1/",
        "/wallet/withdrawals/wdr_1/",
    ]
