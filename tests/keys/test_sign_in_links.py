"""Sign-in links: one account, one use, ten minutes."""

from datetime import datetime, timedelta

import pytest
from django.conf import settings
from django.utils import timezone

from promote.keys import keyring, links
from promote.keys.models import SignInLink
from tests import builders
from tests.api.callers import a_platform, problem
from tests.builders import NOON

pytestmark = pytest.mark.django_db


def token_of(link):
    return link.url.rstrip("/").rsplit("/", 1)[1]


def test_a_link_signs_its_account_in_once():
    account = builders.an_account()
    token = token_of(links.make(account=account, now=NOON))
    assert links.look(token, now=NOON).account == account
    assert links.redeem(token, now=NOON) == account
    for use in (links.look, links.redeem):
        with pytest.raises(links.LinkOver):
            use(token, now=NOON)


def test_looking_at_a_link_does_not_use_it_up():
    token = token_of(links.make(account=builders.an_account(), now=NOON))
    for _ in range(3):
        links.look(token, now=NOON)
    assert links.redeem(token, now=NOON)


def test_a_link_is_good_for_ten_minutes():
    token = token_of(links.make(account=builders.an_account(), now=NOON))
    with pytest.raises(links.LinkOver):
        links.redeem(token, now=NOON + timedelta(minutes=10))
    assert links.redeem(token, now=NOON + timedelta(minutes=9, seconds=59))


@pytest.mark.parametrize("token", ["", "nonsense", "k1.", "k1.AAAA", "é"])
def test_what_we_did_not_seal_is_no_link(token):
    with pytest.raises(links.LinkOver):
        links.redeem(token, now=NOON)


def test_a_value_sealed_for_another_purpose_is_no_link():
    links.make(account=builders.an_account(), now=NOON)
    link = SignInLink.objects.get()
    with pytest.raises(links.LinkOver):
        links.redeem(keyring.seal("quotes", link.id.bytes), now=NOON)


def test_the_platform_s_server_gets_a_link_for_its_user():
    builders.an_account(external_id="sri")
    answer = a_platform("tokens").post("/platform/accounts/sri/sign-in-links")
    assert answer.status_code == 200
    assert answer.json()["url"].startswith(settings.PUBLIC_URL + "/sign-in/")
    expires_at = datetime.fromisoformat(answer.json()["expires_at"])
    assert timedelta(minutes=9) < expires_at - timezone.now() <= timedelta(minutes=10)
    assert problem(a_platform("tokens").post("/platform/accounts/x/sign-in-links"))["code"] == "not_found"
    assert problem(a_platform("catalogue").post("/platform/accounts/sri/sign-in-links"))["code"] == "not_allowed"
