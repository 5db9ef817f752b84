"""Every list and row of the admin reads as people count: in coins, money and words, and in few queries."""

import html
import re

import pytest
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from payments import invoices, withdrawals
from payments.models import Invoice, TopUp
from promote.keys import staff
from promote.look_only import coins, lines, money
from promote.markets.models import CoinPack, Market
from tests.builders import NOON, a_campaign, a_user, a_video, an_account, an_offer, an_order
from tests.payments.books import a_paid_top_up

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("static_files")]
MOST_QUERIES = 15


def a_desk() -> Client:
    client = Client()
    client.force_login(a_user(is_staff=True, is_superuser=True))
    return client


def text_of(page: str) -> str:
    """What a reader sees of the page's content."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page.partition('id="content"')[2])).split())


def opened(client: Client, row) -> str:  # type: ignore[no-untyped-def]
    answer = client.get(reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk]))
    assert answer.status_code == 200
    return answer.content.decode()


def a_small_world() -> None:
    for _ in range(3):
        account = an_account(country="US")
        a_video(account)
        an_offer(account, campaign=a_campaign())
        invoices.issue_receipt(top_up=a_paid_top_up(account, 1000), now=NOON)


def test_every_list_opens_in_few_queries_and_can_be_searched_for_anything():
    a_small_world()
    client = a_desk()
    for model, desk in admin.site._registry.items():
        address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        with CaptureQueriesContext(connection) as asked:
            answer = client.get(address)
        assert answer.status_code == 200, model
        assert len(asked) <= MOST_QUERIES, (model, [query["sql"][:120] for query in asked])
        if desk.search_fields:
            assert client.get(address, {"q": "batik 7"}).status_code == 200, model


def test_the_newest_row_of_every_list_opens_and_shows_no_micros_minor_units_or_json():
    a_small_world()
    client = a_desk()
    for model in admin.site._registry:
        row = model._default_manager.order_by("-pk").first()
        if row is None:
            continue
        told = text_of(opened(client, row))
        assert not re.search(r"\b(?:minor|micros):|\[?\{'", told), (model, told[:500])


def test_a_row_is_found_by_the_id_that_users_and_support_see():
    a_small_world()
    client, top_up = a_desk(), TopUp.objects.latest("id")
    found = text_of(client.get(reverse("admin:payments_topup_changelist"), {"q": top_up.public_id}).content.decode())
    assert "1 top up" in found
    assert top_up.public_id in found


def test_an_invoice_says_what_stands_on_it_with_a_link_to_its_pdf():
    a_small_world()
    receipt = Invoice.objects.latest("id")
    page = opened(a_desk(), receipt)
    assert reverse("admin:payments_invoice_pdf", args=[receipt.pk]) in page
    told = text_of(page)
    assert money(receipt.gross_minor, receipt.currency) in told
    assert receipt.content["buyer"]["name"] in told
    assert "Coins for gifts and promotions 1,000" in told


def test_a_top_ups_page_shows_money_and_no_secret_of_its_payer():
    a_small_world()
    top_up = TopUp.objects.latest("id")
    TopUp.objects.filter(id=top_up.id).update(client_secret="cs_secret", redirect_url="https://pay.example/token")
    page = opened(a_desk(), top_up)
    assert money(top_up.amount_minor, top_up.currency) in text_of(page)
    assert "cs_secret" not in page
    assert "pay.example" not in page


def test_a_price_that_is_typed_says_in_which_unit():
    assert "Price, in the currency's smallest unit" in html.unescape(opened(a_desk(), CoinPack.objects.latest("id")))


def test_a_time_is_told_to_the_second_in_24_hours():
    a_small_world()
    receipt = Invoice.objects.latest("id")
    assert f"{NOON.day} {NOON:%b %Y %H:%M:%S}" in text_of(opened(a_desk(), receipt))


def test_amounts_and_json_as_people_read_them():
    assert (money(-990, "USD"), money(150, "JPY"), coins(-350_000)) == ("−US$9.90", "¥150", "−0.35")
    assert lines({"left_over": [1000, None], "ok": True}) == (
        "<table><tr><th>left over</th><td>1,000, –</td></tr><tr><th>ok</th><td>True</td></tr></table>"
    )
    assert lines({"name": "<b>"}) == "<table><tr><th>name</th><td>&lt;b&gt;</td></tr></table>"


def test_the_first_page_counts_what_waits_for_who_is_at_the_desk():
    account = an_account(country="US")
    an_order(account, a_video(account))
    a_paid_top_up(account, 300)
    Market.objects.filter(code="US").update(withdrawal_review_from_coins=1)
    withdrawals.request(account=account, surface="web", coins=100, key="w", now=NOON)
    page = a_desk().get(reverse("admin:index")).content.decode()
    for name, address in (("to review", "orders/review/"), ("withdrawals to let go", "payments/withdrawal/?status__")):
        assert re.search(rf'href="/admin/{re.escape(address)}[^"]*"><b>1</b><span>{name}<', page), name
    assert "open differences" not in page, "of which there are none"
    reviewer = Client()
    reviewer.force_login(staff.create(username="rosa", roles=["reviewer"])[0])
    told = text_of(reviewer.get(reverse("admin:index")).content.decode())
    assert "1 to review" in told
    assert "withdrawals to let go" not in told, "finance's"


def test_the_list_behind_each_number_shows_what_was_counted():
    client = a_desk()
    desks = [(model, desk.to_do) for model, desk in admin.site._registry.items() if hasattr(desk, "to_do")]
    assert len(desks) > 8
    for model, waiting in desks:
        address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist") + waiting.query
        answer = client.get(address)
        assert answer.status_code == 200, address
        assert answer.context["cl"].queryset.count() == waiting.count() == 0
    assert "Nothing waits for you now." in client.get(reverse("admin:index")).content.decode()
