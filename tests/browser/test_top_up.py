"""Buying coins through a real browser at the providers' stand-ins: paid, declined, walked away from, transferred."""

import re

import pytest
from playwright.sync_api import Page, expect

from payments.models import TopUp, TopUpStatus
from tests.browser.test_journey import PASSWORD, audit, signs_in, until
from tests.builders import a_user, an_account
from tests.harness.services import World

pytestmark = pytest.mark.django_db(transaction=True)


def someone(world: World, page: Page, country: str) -> None:
    """An advertiser of a market, signed in, before the choice of how to pay."""
    name = f"buyer-{country.lower()}"
    an_account(country=country, username=name, user=a_user(username=name))
    signs_in(page, world, name, PASSWORD)
    expect(page.get_by_role("link", name="Wallet").first).to_be_visible()


def chooses(world: World, page: Page, method: str) -> None:
    page.goto(f"{world.web}/wallet/top-up/")
    expect(page.get_by_text("No real money moves")).to_be_visible()
    page.get_by_role("radio", name=re.compile(f"^{method}")).check()
    page.get_by_role("button", name="Go to payment").click()


def at(page: Page, world: World, provider: str) -> None:
    page.wait_for_url(f"{world.providers[provider]}/**")
    expect(page.get_by_text("Test mode")).to_be_visible()


def test_coins_are_bought_by_a_redirect_in_every_market_that_has_one(
    world: World, provider_sandboxes, live_web, live_edge, celery_worker_process, new_page
) -> None:
    for country, method, provider in [
        ("ID", "DANA", "doku"),
        ("TH", "Rabbit LINE Pay", "2c2p"),
        ("US", "PayPal", "paypal"),
        ("AU", "Saved PayPal", "paypal"),
        ("CA", "PayPal", "paypal"),
    ]:
        page = new_page()
        someone(world, page, country)
        chooses(world, page, method)
        at(page, world, provider)
        page.locator("#pay").click()
        page.wait_for_url(f"{world.web}/wallet/top-ups/**")
        expect(page.get_by_text("500 coins are in your balance")).to_be_visible(timeout=60_000)
        if method == "Saved PayPal":  # and the second time with one press
            page.goto(f"{world.web}/wallet/top-up/")
            page.get_by_role("radio", name=re.compile("^Saved PayPal")).check()
            page.get_by_role("button", name="Pay now").click()
            page.wait_for_url(f"{world.web}/wallet/top-ups/**")
            expect(page.get_by_text("500 coins are in your balance")).to_be_visible(timeout=60_000)
    assert audit(world)["ok"]


def test_who_declines_or_walks_away_pays_nothing_and_who_transfers_later_gets_their_coins(
    world: World, provider_sandboxes, live_web, live_edge, celery_worker_process, new_page
) -> None:
    page = new_page()
    someone(world, page, "TH")

    # Declines on the wallet's page.
    chooses(world, page, "TrueMoney")
    at(page, world, "2c2p")
    page.locator("#decline").click()
    page.wait_for_url(f"{world.web}/wallet/top-ups/**")
    expect(page.get_by_text("The payment did not go through")).to_be_visible(timeout=60_000)

    # Walks away, is reminded, and comes back to the same page.
    chooses(world, page, "PayPal")
    at(page, world, "paypal")
    page.goto(f"{world.web}/wallet/")
    expect(page.get_by_text("A payment for 500 coins is not finished")).to_be_visible()
    page.get_by_role("link", name="Go on paying").click()
    at(page, world, "paypal")
    page.locator("#cancel").click()
    page.wait_for_url(f"{world.web}/wallet/top-ups/**")
    expect(page.get_by_text("Waiting for the payment", exact=True)).to_be_visible()
    assert not TopUp.objects.filter(status=TopUpStatus.PAID).exists()

    # Transfers: copies the account number, pays at the bank in another window, and this page goes on by itself.
    buyer = new_page()
    someone(world, buyer, "ID")
    buyer.goto(f"{world.web}/wallet/top-up/")
    buyer.get_by_role("radio", name=re.compile("^Bank transfer")).check()
    buyer.get_by_role("button", name="Go to payment").click()
    number = buyer.locator("#account-number")
    expect(number).to_be_visible()
    assert until(lambda: TopUp.objects.filter(instructions__account_number=number.inner_text()).count()) == 1
    with buyer.expect_popup() as popup:
        buyer.get_by_role("link", name="How to pay, step by step").click()
    popup.value.locator("#pay").click()
    expect(buyer.get_by_text("500 coins are in your balance")).to_be_visible(timeout=60_000)

    # OVO: links the account, then confirms.
    buyer.goto(f"{world.web}/wallet/top-up/")
    buyer.get_by_role("radio", name=re.compile("^OVO")).check()
    buyer.get_by_label("Phone number of your OVO account").fill("+62 812 3456 7890")
    buyer.get_by_role("button", name="Go to payment").click()
    at(buyer, world, "doku")
    buyer.locator("#agree").click()
    expect(buyer.locator("#pay")).to_be_visible()
    buyer.locator("#pay").click()
    expect(buyer.get_by_text("500 coins are in your balance")).to_be_visible(timeout=60_000)
    assert audit(world)["ok"]
