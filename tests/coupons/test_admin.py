import pytest
from django.test import Client

from coupons import campaigns
from coupons.models import Campaign, Offer
from promote.keys.staff import group_of
from tests.builders import a_campaign, a_user, an_account, an_offer, an_order

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("static_files")]

VOUCHER = {"name": "Spring", "kind": "voucher", "coins": "200", "code": "SPRING", "offer_days": "30"}


def staff(role="coupons"):
    user = a_user(is_staff=True)
    user.groups.set([group_of(role)])
    client = Client()
    client.force_login(user)
    return client


def test_a_campaign_is_opened_funded_and_grants_an_offer_that_pays():
    account = an_account()
    client = staff()
    assert client.post("/admin/coupons/campaign/add/", VOUCHER).status_code == 302
    campaign = Campaign.objects.get()
    assert campaigns.balance_micros(campaign) == 0
    client.post(f"/admin/coupons/campaign/{campaign.id}/fund/", {"key": "k", "coins": "1000"})
    client.post(f"/admin/coupons/campaign/{campaign.id}/grant/", {"account": account.external_id})
    offer = Offer.objects.get()
    assert (offer.account, offer.coins, offer.campaign) == (account, 200, campaign)
    assert an_order(account, offer=offer, now=offer.granted_at).coupon_coins == 200


def test_a_form_sent_twice_puts_the_coins_in_once():
    campaign = a_campaign(funded_coins=0)
    client = staff()
    for _ in range(2):
        client.post(f"/admin/coupons/campaign/{campaign.id}/fund/", {"key": "same", "coins": "1000"})
    assert campaigns.balance_micros(campaign) == 1_000_000_000


def test_a_campaign_without_enough_coins_grants_nothing_and_says_so():
    campaign = a_campaign(funded_coins=199)
    response = staff().post(f"/admin/coupons/campaign/{campaign.id}/grant/", {"account": an_account().external_id})
    assert response.status_code == 422
    assert "used up" in response.content.decode()
    assert not Offer.objects.exists()


@pytest.mark.parametrize(
    "facts",
    [
        {"coins": ""},
        {"coins": "0"},
        {"percent": "5"},
        {"kind": "discount"},
        {"kind": "discount", "coins": "", "percent": "101", "cap_coins": "5"},
    ],
)
def test_a_campaign_that_makes_no_sense_is_told_field_by_field(facts):
    response = staff().post("/admin/coupons/campaign/add/", {**VOUCHER, **facts})
    assert response.status_code == 200
    assert response.context["adminform"].form.errors
    assert not Campaign.objects.exists()


def test_a_code_is_taken_once_in_any_case():
    a_campaign(code="Spring")
    response = staff().post("/admin/coupons/campaign/add/", VOUCHER)
    assert response.status_code == 200
    assert Campaign.objects.count() == 1


def test_an_unused_offer_is_taken_back():
    account = an_account()
    used, unused = an_offer(account), an_offer(account)
    an_order(account, offer=used)
    chosen = {"action": "revoke", "_selected_action": [str(used.id), str(unused.id)]}
    staff().post("/admin/coupons/offer/", chosen)
    assert Offer.objects.get(id=unused.id).status == "revoked"
    assert Offer.objects.get(id=used.id).status == "in_use"


@pytest.mark.parametrize("address", ["campaign/", "offer/", "campaign/add/"])
def test_the_pages_open(address):
    an_offer(an_account())
    an_offer(an_account(), kind="discount", percent=10, cap_coins=50)
    assert staff().get(f"/admin/coupons/{address}").status_code == 200


def test_a_campaigns_page_shows_what_is_left_of_it():
    campaign = a_campaign(funded_coins=500)
    an_offer(an_account(), campaign=campaign)
    shown = staff().get(f"/admin/coupons/campaign/{campaign.id}/change/").content.decode()
    assert "300 coins" in shown
    for what in ("fund", "grant"):
        assert staff().get(f"/admin/coupons/campaign/{campaign.id}/{what}/").status_code == 200


@pytest.mark.parametrize("role", ["reviewer", "support", "finance"])
def test_other_roles_neither_fund_nor_grant(role):
    campaign = a_campaign(funded_coins=0)
    client = staff(role)
    for what in ("fund", "grant"):
        sent = {"key": "k", "coins": "1", "account": an_account().external_id}
        assert client.post(f"/admin/coupons/campaign/{campaign.id}/{what}/", sent).status_code == 403
    assert campaigns.balance_micros(campaign) == 0
