"""Every page answers its owner, nobody else, and holds nothing that our own policy would refuse."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from orders.models import Order
from promote.accounts.models import Account
from tests.builders import a_live, a_user, a_video, an_offer, an_order, approved, charged, coins_for, settled
from tests.front.visitors import an_advertiser, inline_parts, signed_in, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("static_files")]

OF_AN_ORDER = ("", "live/", "end/", "charges/")


def a_busy_account() -> Account:
    account = an_advertiser(country="ID", username="sari.batik")
    coins_for(account, 5_000)
    an_offer(account)
    a_live(account)
    a_video(account, visibility="private", caption="Not for everybody")
    settled(charged(approved(an_order(account)), 398_000_000))
    approved(an_order(account))
    an_order(account)
    return account


def addresses(account: Account) -> list[str]:
    order_ids = [order.public_id for order in Order.objects.of(account)]
    return [
        "/promote/",
        *(f"/promote/{video.public_id}/" for video in account.videos.all()),
        *(f"/promote/{live.public_id}/" for live in account.lives.all()),
        "/orders/",
        "/orders/?show=open",
        "/orders/?show=over",
        *(f"/orders/{order_id}/{part}" for order_id in order_ids for part in OF_AN_ORDER),
        "/offers/",
        "/wallet/",
        "/wallet/top-up/?need=300&next=/promote/",
        "/invoices/",
        "/invoices/details/",
        "/notifications/",
    ]


def test_every_page_answers_and_holds_nothing_inline():
    account = a_busy_account()
    browser = signed_in(account)
    for address in addresses(account):
        response = browser.get(address)
        assert response.status_code == 200, address
        assert inline_parts(response) == [], address
        assert "default-src 'self'" in response.headers["Content-Security-Policy"]
        assert "{%" not in response.content.decode(), address


def test_no_page_shows_anothers_order_video_or_payment():
    mine, theirs = an_advertiser(), a_busy_account()
    browser = signed_in(mine)
    order = Order.objects.of(theirs).first()
    assert order is not None
    for address in [
        *(f"/orders/{order.public_id}/{part}" for part in (*OF_AN_ORDER, "charges.csv")),
        f"/promote/{theirs.videos.first().public_id}/",
        f"/promote/{theirs.lives.first().public_id}/",
        "/wallet/top-ups/top_00000000000000000000000000000000/",
        "/invoices/inv_00000000000000000000000000000000.pdf",
        "/orders/ord_nonsense/",
        "/orders/?before=ord_nonsense",
    ]:
        assert browser.get(address).status_code == 404, address
    for act in ("end/", "appeal/", "again/"):
        assert browser.post(f"/orders/{order.public_id}/{act}").status_code == 404
    order.refresh_from_db()
    assert order.ended_at == Order.objects.get(id=order.id).ended_at


def test_pages_ask_strangers_to_sign_in_and_bring_them_back():
    for address in ("/promote/", "/orders/", "/wallet/", "/wallet/top-up/"):
        response = Client().get(address)
        assert (response.status_code, response.headers["Location"]) == (302, f"/login/?next={address}")


def test_pages_of_an_account_are_kept_by_no_shared_cache():
    assert signed_in(an_advertiser()).get("/wallet/").headers["Cache-Control"] == "private, no-store"


def test_staff_without_an_account_are_shown_the_way_to_the_admin():
    response = signed_in(a_user(is_staff=True)).get("/promote/")
    assert response.status_code == 200
    assert 'href="/admin/"' in response.content.decode()
    assert "advertiser account" in text_of(response)


def test_an_address_that_leads_nowhere_says_so_calmly():
    response = signed_in(an_advertiser()).get("/nowhere/")
    assert response.status_code == 404
    assert "There is nothing at this address" in text_of(response)
    assert inline_parts(response) == []


def test_who_may_not_open_a_page_is_told_so_and_can_sign_in_as_somebody_else():
    response = signed_in(a_user(is_staff=True)).get("/admin/orders/review/00000000-0000-0000-0000-000000000000/change/")
    assert response.status_code == 403
    assert "This page is not for your account" in text_of(response)
    assert 'action="/logout/"' in response.content.decode()


def test_staff_who_lose_their_way_are_led_back_to_the_desk_and_told_nothing_of_coins():
    boss = signed_in(a_user(is_staff=True, is_superuser=True))
    lost = boss.get("/admin/orders/review/00000000-0000-0000-0000-000000000000/change/")
    refused = signed_in(a_user(is_staff=True)).get("/admin/orders/order/settlements/")
    for answer, status in ((lost, 404), (refused, 403)):
        assert answer.status_code == status
        assert 'href="/admin/"' in answer.content.decode()
        assert "Your orders and coins" not in text_of(answer)


def test_the_first_view_weighs_less_than_100_kb():
    account = a_busy_account()
    browser = signed_in(account)
    page = browser.get("/promote/").content.decode()
    assert len(page.encode()) < 60_000
    import re
    from pathlib import Path

    from django.conf import settings

    files = set(re.findall(r'(?:href|src)="/static/([^"#]+)', page))
    packed = sum((Path(settings.STATIC_ROOT) / f"{name}.gz").stat().st_size for name in files)
    assert packed < 40_000, "what the browser fetches besides the page, compressed"


def test_the_theme_is_kept_in_a_cookie_and_leads_back():
    browser = signed_in(an_advertiser())
    response = browser.post("/theme/", {"theme": "dark", "next": "/wallet/"})
    assert response.headers["Location"] == "/wallet/"
    assert 'data-theme="dark"' in browser.get("/wallet/").content.decode()
    assert browser.post("/theme/", {"theme": "dark", "next": "https://evil.example/"}).headers["Location"] == "/"


def test_a_form_left_open_over_a_sign_in_says_that_nothing_was_sent():
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(an_advertiser().user)
    response = browser.post("/offers/", {"code": "KILN20"})
    assert response.status_code == 403
    assert "nothing was sent and no coins moved" in text_of(response)


def test_the_central_page_asks_the_database_no_more_for_more_videos():
    account = an_advertiser()
    browser = signed_in(account)
    asked = []
    for _ in range(2):
        for _ in range(5):
            a_video(account, anchor={})
        with CaptureQueriesContext(connection) as queries:
            browser.get("/promote/")
        asked.append(len(queries))
    assert asked[0] == asked[1] < 30
