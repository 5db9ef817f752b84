"""Withdrawing on the pages: what goes where and when is said before anybody confirms."""

import pytest
from django.utils import timezone

from payments import withdrawals
from payments.models import Withdrawal
from promote.keys import staff
from promote.markets.models import Market
from tests.builders import coins_for
from tests.front.visitors import an_advertiser, inline_parts, signed_in, text_of
from tests.payments.books import a_paid_top_up

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("static_files")]


def test_the_page_says_where_the_coins_go_and_how_long_it_takes_then_sends_them_once():
    account = an_advertiser()
    a_paid_top_up(account, 500, amount_minor=495)
    browser = signed_in(account)
    assert "/wallet/withdraw/" in browser.get("/wallet/").content.decode()
    first = text_of(browser.get("/wallet/withdraw/"))
    assert "500 coins can be withdrawn" in first
    assert "Withdraw 500 coins" not in first, "an amount that may yet change can't be confirmed"
    page = browser.get("/wallet/withdraw/?coins=200")
    for said in ("Card", "5–10 days", "Comes back to you US$1.98", "Withdraw 200 coins"):
        assert said in text_of(page)
    assert not inline_parts(page)
    for _again in range(2):
        sent = browser.post("/wallet/withdraw/", {"coins": "200", "key": "k"})
        made = Withdrawal.objects.get()
        assert sent["Location"] == f"/wallet/withdrawals/{made.public_id}/"
    shown = browser.get(sent["Location"])
    assert "Withdrawal of 200 coins" in text_of(shown)
    assert not inline_parts(shown)
    wallet = browser.get("/wallet/")
    assert "Being withdrawn" in text_of(wallet)
    assert f"/wallet/withdrawals/{made.public_id}/" in wallet.content.decode()
    assert signed_in(an_advertiser()).get(sent["Location"]).status_code == 404


def test_a_withdrawal_says_what_becomes_of_its_coins_and_why_it_was_refused():
    account = an_advertiser()
    a_paid_top_up(account, 300)
    Market.objects.filter(code="US").update(withdrawal_review_from_coins=1)
    asked = withdrawals.request(account=account, surface="web", coins=100, key="k", now=timezone.now())
    browser, address = signed_in(account), f"/wallet/withdrawals/{asked.public_id}/"
    assert "Our staff looks at it" in text_of(browser.get(address))
    assert "within a working day" in text_of(browser.get(address))
    by = staff.create(username="ben", roles=["finance"])[0]
    withdrawals.refuse(withdrawal_id=asked.id, reason="The card is not yours.", by=by, now=timezone.now())
    page = text_of(browser.get(address))
    assert "All of its coins are in your balance again." in page
    assert "Why our staff refused it The card is not yours." in page


@pytest.mark.parametrize("coins", ["", "0", "-1", "501", "x", "9" * 30])
def test_an_impossible_number_is_told_beside_the_field(coins):
    account = an_advertiser()
    a_paid_top_up(account, 500)
    browser = signed_in(account)
    response = browser.post("/wallet/withdraw/", {"coins": coins, "key": "k"})
    assert response.status_code == 422
    assert 'id="field-coins"' in response.content.decode()
    assert not Withdrawal.objects.exists()


def test_where_it_is_not_offered_the_page_leads_to_the_store():
    page = signed_in(an_advertiser(country="GB")).get("/wallet/withdraw/")
    assert 'href="https://reportaproblem.apple.com/"' in page.content.decode()
    assert "Ask the App Store for a refund" in text_of(page)


def test_who_holds_no_coins_of_a_store_is_sent_to_none():
    nobody, gifted, buyer = an_advertiser(), an_advertiser(), an_advertiser()
    coins_for(gifted, 100)
    a_paid_top_up(buyer, 100, method="apple", gateway="apple", tax_percent=0)
    pages = [signed_in(one).get("/wallet/withdraw/") for one in (nobody, gifted, buyer)]
    said = ["there is nothing to withdraw", "coins that were given to you stay", "refunded by that store"]
    assert all(words in text_of(page) for words, page in zip(said, pages, strict=True))
    assert ["reportaproblem.apple.com" in page.content.decode() for page in pages] == [False, False, True]


def test_the_wallet_says_which_store_gives_money_back_for_its_coins():
    account = an_advertiser(country="GB")
    wallet_page = "/wallet/"
    assert "for a refund" not in text_of(signed_in(account).get(wallet_page))
    a_paid_top_up(account, 100, method="google", gateway="google", tax_percent=0)
    page = signed_in(account).get(wallet_page)
    assert "Ask Google Play for a refund" in text_of(page)
    assert "Ask the App Store" not in text_of(page)
    assert 'href="https://support.google.com/googleplay/workflow/9813244"' in page.content.decode()


def test_the_statement_is_a_file_too():
    account = an_advertiser()
    coins_for(account, 100)
    answer = signed_in(account).get("/wallet/statement.csv")
    lines = b"".join(answer.streaming_content).decode().splitlines()
    assert lines[0].startswith("at,id,kind")
    assert len(lines) == 2


def test_a_transfer_asks_for_a_bank_account_before_it_is_confirmed_and_shows_its_last_digits():
    account = an_advertiser(country="ID")
    facts = {"method": "doku_bank_transfer", "gateway": "doku", "amount_minor": 7_500_000}
    a_paid_top_up(account, 500, **facts)
    browser = signed_in(account)
    page = browser.get("/wallet/withdraw/?coins=200")
    for said in ("to the bank account that you name below", "1–5 days", "Your bank account", "compares the account"):
        assert said in text_of(page)
    assert not inline_parts(page)
    sent = {"coins": "200", "key": "k", "bank": "014", "holder": "Siti Rahayu", "number": "12x"}
    wrong = browser.post("/wallet/withdraw/", sent)
    assert wrong.status_code == 422
    assert "digits only" in text_of(wrong)
    assert "Nothing was sent yet Mend what is marked" in text_of(wrong)
    for kept in ('value="Siti Rahayu"', 'value="12x"', '<option value="014" selected>', "Withdraw 200 coins"):
        assert kept in wrong.content.decode()
    without = browser.post("/wallet/withdraw/", {"coins": "200", "key": "k"})
    assert (without.status_code, "Name a bank account of yours" in text_of(without)) == (422, True)
    assert not Withdrawal.objects.exists()
    went = browser.post("/wallet/withdraw/", {**sent, "number": "123-456 7890"})
    shown = text_of(browser.get(went["Location"]))
    assert "to account BCA •••• 7890" in shown
    assert "1234567890" not in shown
    assert "Siti" not in shown


def test_a_card_alone_asks_for_no_account():
    account = an_advertiser(country="ID")
    a_paid_top_up(account, 500, amount_minor=7_500_000)
    browser = signed_in(account)
    assert "bank account" not in text_of(browser.get("/wallet/withdraw/?coins=200"))
    sent = {"coins": "200", "key": "k", "bank": "014", "holder": "Siti", "number": "1234567890"}
    refused = browser.post("/wallet/withdraw/", sent)
    assert (refused.status_code, "No bank account is needed" in text_of(refused)) == (422, True)
    assert browser.post("/wallet/withdraw/", {"coins": "200", "key": "k"}).status_code == 302
