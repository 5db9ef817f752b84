"""What a payer does next: a page to go to, a transfer to make, a secret for a form, a number to give; or nothing."""

from datetime import timedelta
from typing import Any

import pytest

from payments import gateways, polling, top_ups
from payments.gateways.base import Started
from payments.models import TopUp, TopUpStatus
from promote.refusals import Invalid
from tests.api.callers import a_browser
from tests.builders import an_account
from tests.front.visitors import an_advertiser, signed_in, text_of
from tests.payments.counter import Counter, buys, confirmed, links_ovo

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("static_files")]


def started(account, method: str, **body: Any) -> dict[str, Any]:
    caller = a_browser(account)
    (found,) = [one for one in caller.get("/top-ups/methods").json()["results"] if one["method"] == method]
    asked = {"method": method, "pack": found["packs"][2]["id"], **body}
    return caller.post("/top-ups", asked, Idempotency_Key="key-1").json()


def test_a_transfer_has_instructions_to_copy_and_print(at_counter: Counter) -> None:
    account = an_advertiser(country="ID")
    answer = started(account, "doku_bank_transfer")
    told = answer["next"]["instructions"]
    assert list(answer["next"]) == ["instructions"]
    assert (told["bank"], told["account_name"], told["expires_at"][:16]) == (
        "BCA",
        "Promote",
        answer["expires_at"][:16],
    )
    assert told["account_number"].startswith("88899")
    page = signed_in(account).get(f"/wallet/top-ups/{answer['id']}/")
    words = text_of(page)
    for said in (told["account_number"], "BCA", "Rp160,000", "Copy", "Print", "How to pay, step by step"):
        assert said in words
    assert "A payment for 1,000 coins is not finished" in text_of(signed_in(account).get("/wallet/"))


def test_every_transfer_has_an_account_number_of_its_own(at_counter: Counter) -> None:
    numbers = {buys("ID", "doku_bank_transfer").instructions["account_number"] for _ in range(5)}
    assert len(numbers) == 5


def test_a_transfer_whose_first_answer_was_lost_gets_the_same_account(at_counter: Counter) -> None:
    top_up = buys("ID", "doku_bank_transfer", key="once")
    number = top_up.instructions["account_number"]
    TopUp.objects.filter(id=top_up.id).update(provider_ref="", instructions=None)
    again = buys("ID", "doku_bank_transfer", key="once", account=top_up.account)
    assert (again.id, again.instructions["account_number"]) == (top_up.id, number)


def test_a_form_in_an_app_gets_its_secret(at_counter: Counter) -> None:
    class InApps:
        is_live, notice_headers = False, ()

        def start(self, purchase: Any, *, key: str) -> Started:
            return Started(provider_ref=f"pi_{key}", client_secret="pi_secret")

    before = gateways.named("stripe")
    gateways.offer("stripe", InApps)  # type: ignore[arg-type]
    try:
        assert started(an_account(), "card")["next"] == {"client_secret": "pi_secret"}
    finally:
        gateways.offer("stripe", lambda: before)


@pytest.mark.parametrize(("phone", "code"), [("", "required"), ("12", "invalid"), ("call me", "invalid")])
def test_ovo_asks_for_a_phone_number(at_counter: Counter, phone: str, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        buys("ID", "ovo", phone=phone)
    assert [(error.field, error.code) for error in refused.value.errors] == [("phone", code)]
    page = signed_in(an_advertiser(country="ID")).post(
        "/wallet/top-up/", {"method": "ovo", "pack": _pack(), "phone": phone, "key": "k"}
    )
    assert page.status_code == 422
    assert "Type the phone number of your wallet" in text_of(page)


def _pack() -> int:
    return top_ups.methods(account=an_account(country="ID"), surface="web").offered[0].packs[0].pk


@pytest.mark.parametrize("phone", ["+62 812-3456-7890", "62 812 3456 7890", "0812 3456 7890"])
def test_a_phone_number_is_written_as_people_write_it_and_not_kept(at_counter: Counter, phone: str) -> None:
    top_up = buys("ID", "ovo", phone=phone)
    assert "/link/" in top_up.redirect_url
    stored = " ".join(str(value) for value in TopUp.objects.filter(id=top_up.id).values().get().values())
    assert "3456" not in stored.replace("-", "").replace(top_up.id.hex, "").replace(str(top_up.id), "")


def test_an_ovo_account_is_linked_and_then_asked(at_counter: Counter) -> None:
    top_up = buys("ID", "ovo")
    assert confirmed(top_up).status == TopUpStatus.PENDING
    linked = links_ovo(at_counter, top_up)
    assert "/pay/" in linked.redirect_url
    assert links_ovo(at_counter, top_up).redirect_url == linked.redirect_url, "a word used twice changes nothing"


def test_who_does_not_link_their_account_pays_nothing_and_it_ends(at_counter: Counter) -> None:
    top_up = buys("ID", "ovo")
    links_ovo(at_counter, top_up, "decline")
    polling.poll(limit=10, now=top_up.expires_at + timedelta(days=1, seconds=1))
    top_up.refresh_from_db()
    assert top_up.status == TopUpStatus.EXPIRED


def test_an_order_of_paypal_that_nobody_approved_is_not_taken(at_counter: Counter) -> None:
    top_up = buys("TH", "paypal")
    assert confirmed(top_up).status == TopUpStatus.PENDING
    assert confirmed(top_up, ahead_s=3601).status == TopUpStatus.EXPIRED
    at_counter.pays(top_up)  # too late: approved, and not taken
    assert confirmed(top_up).status == TopUpStatus.EXPIRED
    captures = [row for row in at_counter.of(top_up).look("requests") if row["path"].endswith("/capture")]
    assert not [row for row in captures if top_up.provider_ref in row["path"]]


@pytest.mark.parametrize(("status", "ended"), [("COMPLETED", "paid"), ("DECLINED", "failed")])
def test_a_capture_that_paypal_holds_back_is_waited_for(at_counter: Counter, status: str, ended: str) -> None:
    top_up = buys("CA", "paypal")
    at_counter.control(top_up, "pay", pending=True)
    waits = confirmed(top_up)
    assert (waits.status, waits.accepted_at is None) == ("pending", False)
    at_counter.control(top_up, "settle", status=status)
    assert confirmed(top_up).status == ended


def test_a_provider_that_was_started_again_gives_a_new_token(at_counter: Counter) -> None:
    for market, method in [("AU", "paypal"), ("ID", "dana")]:
        gateway = gateways.named({"paypal": "paypal"}.get(method, "doku"))
        buys(market, method)
        gateway._token.text = "of yesterday"  # type: ignore[attr-defined]
        assert buys(market, method).redirect_url


def test_the_pages_say_that_no_real_money_moves(at_counter: Counter) -> None:
    browser = signed_in(an_advertiser(country="TH"))
    for page in ("/wallet/", "/wallet/top-up/"):
        assert "No real money moves" in text_of(browser.get(page))
