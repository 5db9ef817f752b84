"""Signing in: by password, with patience for mistakes but not for guessing; by a link that works once."""

import pytest
from django.test import Client
from django.utils import timezone

from promote.keys import links
from tests.builders import a_user, an_account
from tests.front.visitors import an_advertiser, inline_parts, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("static_files")]

PASSWORD = "correct horse battery"


def test_the_right_password_leads_to_where_one_was_going():
    account = an_advertiser()
    browser = Client()
    response = browser.post("/login/", {"username": account.user.username, "password": PASSWORD, "next": "/wallet/"})
    assert response.headers["Location"] == "/wallet/"
    assert browser.get("/wallet/").status_code == 200


def test_the_address_to_go_to_is_one_of_ours():
    account = an_advertiser()
    sent = {"username": account.user.username, "password": PASSWORD, "next": "https://evil.example/promote/"}
    assert Client().post("/login/", sent).headers["Location"] == "/promote/"


def test_staff_come_to_the_admin():
    user = a_user(is_staff=True)
    assert Client().post("/login/", {"username": user.username, "password": PASSWORD}).headers["Location"] == "/admin/"


def test_a_wrong_password_is_said_kindly_and_without_telling_which_part_was_wrong():
    account = an_advertiser()
    wrong = Client().post("/login/", {"username": account.user.username, "password": "guess"})
    unknown = Client().post("/login/", {"username": "nobody", "password": "guess"})
    assert wrong.status_code == unknown.status_code == 422
    assert "don't belong together" in text_of(wrong)
    assert "don't belong together" in text_of(unknown)
    assert inline_parts(wrong) == []


def test_guessing_is_stopped_for_that_name_and_not_for_others():
    account, other = an_advertiser(), an_advertiser()
    browser = Client()
    for _ in range(8):
        browser.post("/login/", {"username": account.user.username, "password": "guess"})
    stopped = browser.post("/login/", {"username": account.user.username, "password": PASSWORD})
    assert stopped.status_code == 429
    assert "Wait 15 minutes" in text_of(stopped)
    assert browser.post("/login/", {"username": other.user.username, "password": PASSWORD}).status_code == 302


def test_a_link_asks_for_one_click_and_signs_in_once():
    account = an_account(username="sari.batik")
    path = "/sign-in/" + links.make(account=account, now=timezone.now()).url.partition("/sign-in/")[2]
    preview, browser, thief = Client(), Client(), Client()
    assert "Continue as sari.batik" in text_of(preview.get(path))
    assert preview.get("/promote/").status_code == 302, "opening alone signs nobody in"
    assert browser.post(path).headers["Location"] == "/promote/"
    assert browser.get("/promote/").status_code == 200
    used = thief.post(path)
    assert used.status_code == 410
    assert "no longer good" in text_of(used)
    assert thief.get("/promote/").status_code == 302


def test_a_second_link_signs_in_the_same_user():
    account = an_account()
    for _ in range(2):
        Client().post("/sign-in/" + links.make(account=account, now=timezone.now()).url.partition("/sign-in/")[2])
    account.refresh_from_db()
    assert account.user is not None
    assert not account.user.has_usable_password()


def test_signing_out_is_a_post_and_leads_to_the_login():
    account = an_advertiser()
    browser = Client()
    browser.force_login(account.user)
    assert browser.get("/logout/").status_code == 405
    assert browser.post("/logout/").headers["Location"] == "/login/"
    assert browser.get("/promote/").status_code == 302
