"""A saved PayPal: agreed to once, then one press; forgotten here or there; never charged for what may be undone."""

import pytest
import requests
from django.conf import settings
from django.db import transaction
from django.test import Client
from django.utils import timezone

from payments import gateways, purchases, saved_methods, saved_tokens, wallet
from payments.gateways.base import Purchase
from payments.models import SavedMethod, TopUp, TopUpStatus
from promote.accounts.models import Account
from promote.keys import keyring
from promote.notifications.sentences import sentence
from promote.refusals import NotFound
from tests.api.callers import a_browser
from tests.builders import an_account
from tests.front.visitors import an_advertiser, signed_in, text_of
from tests.payments.counter import Counter, Letter, buys, confirmed, post, work_off
from tests.sandbox.stand_in import until

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("static_files")]


def who_saved(here: Counter, account: Account | None = None) -> Account:
    account = account or an_account(country="AU")
    top_up = buys("AU", "paypal_reference", account=account)
    here.pays(top_up)
    assert confirmed(top_up).status == TopUpStatus.PAID
    return account


def orders(here: Counter) -> int:
    return sum(
        row["path"] == "/v2/checkout/orders" and row["status"] < 300
        for row in here.providers["paypal"].look("requests")
    )


def test_the_second_payment_takes_no_page(at_counter: Counter) -> None:
    account = who_saved(at_counter)
    top_up = buys("AU", "paypal_reference", account=account, coins=500)
    assert (top_up.redirect_url, top_up.status) == ("", TopUpStatus.PENDING)
    assert confirmed(top_up).status == TopUpStatus.PAID
    assert wallet.balance(account=account).free_coins == 1500


def test_what_paypal_keeps_a_moment_after_it_took_the_money_is_saved_by_its_notice(at_counter: Counter) -> None:
    account = an_account(country="AU")
    top_up = buys("AU", "paypal_reference", account=account)
    at_counter.control(top_up, "pay", vaults_late=True)
    assert confirmed(top_up).status == TopUpStatus.PAID
    assert not account.saved_methods.exists()
    at_counter.letters()
    at_counter.control(top_up, "vault")
    until(lambda: any(b"VAULT.PAYMENT-TOKEN.CREATED" in letter.body for letter in at_counter.mail.letters))
    for letter in at_counter.letters() * 2:
        assert post(letter).status_code == 200
    work_off()
    assert account.saved_methods.get().label == "p…@example.com"
    second = buys("AU", "paypal_reference", account=account, coins=500)
    assert (second.redirect_url, confirmed(second).status) == ("", TopUpStatus.PAID)
    saved_methods.forget(account=account, public_id=account.saved_methods.get().public_id, now=timezone.now())
    assert confirmed(top_up).status == TopUpStatus.PAID
    assert not account.saved_methods.filter(removed_at=None).exists(), "what was removed does not come back"


def test_what_is_kept_is_sealed_and_its_owner_knows_it(at_counter: Counter) -> None:
    saved = who_saved(at_counter).saved_methods.get()
    assert saved.label == "p…@example.com"
    token = saved_tokens.opened(saved)
    assert token
    assert token not in saved.token
    assert saved.consented_at == saved.first_top_up.started_at


def test_nothing_is_taken_until_the_payment_is_committed(at_counter: Counter) -> None:
    account = who_saved(at_counter)
    before = orders(at_counter)
    with transaction.atomic():
        buys("AU", "paypal_reference", account=account)
        transaction.set_rollback(True)
    assert orders(at_counter) == before
    assert TopUp.objects.filter(account=account).count() == 1


def _asked(top_up: TopUp) -> Purchase:
    assert top_up.saved is not None
    return purchases.of(top_up, account=top_up.account, return_url="", saved=top_up.saved)


def test_asked_twice_it_is_taken_once(at_counter: Counter) -> None:
    account = who_saved(at_counter)
    top_up = buys("AU", "paypal_reference", account=account)
    assert confirmed(top_up).status == TopUpStatus.PAID
    lost = buys("AU", "paypal_reference", account=account, key="again")
    first = gateways.named("paypal").start(_asked(lost), key=f"{lost.public_id}:v1")  # and then the worker died
    assert confirmed(lost).provider_ref == first.provider_ref


def test_forgotten_it_asks_again_and_paypal_is_told(at_counter: Counter) -> None:
    account = who_saved(at_counter)
    saved = account.saved_methods.get()
    saved_methods.forget(account=account, public_id=saved.public_id, now=timezone.now())
    saved.refresh_from_db()
    assert (saved.token, saved.removed_at is None) == ("", False)
    assert any(row["path"].startswith("/v3/vault") for row in at_counter.providers["paypal"].look("requests"))
    assert buys("AU", "paypal_reference", account=account).redirect_url


def taken_back_there(here: Counter, saved: SavedMethod) -> None:
    """Its owner removes us on PayPal's own pages."""
    token, paypal = saved_tokens.opened(saved), here.providers["paypal"]
    keys = settings.GATEWAYS["paypal"]
    access = requests.post(
        f"{paypal.url}/v1/oauth2/token",
        data={"grant_type": "client_credentials"},
        auth=(keys["client_id"], keys["client_secret"]),
        timeout=10,
    ).json()["access_token"]
    headers = {"Authorization": f"Bearer {access}"}
    assert requests.delete(f"{paypal.url}/v3/vault/payment-tokens/{token}", headers=headers, timeout=10).ok


def of_its_deletion(here: Counter) -> Letter:
    """What PayPal then tells us."""
    letters = here.mail.letters
    until(lambda: any(b"PAYMENT-TOKEN.DELETED" in letter.body for letter in letters))
    return next(letter for letter in letters if b"PAYMENT-TOKEN.DELETED" in letter.body)


def test_taken_back_at_paypal_it_fails_once_and_then_asks_again(at_counter: Counter) -> None:
    account = who_saved(at_counter)
    taken_back_there(at_counter, account.saved_methods.get())
    assert confirmed(buys("AU", "paypal_reference", account=account)).status == TopUpStatus.FAILED
    assert not SavedMethod.objects.filter(account=account, removed_at=None).exists()
    assert buys("AU", "paypal_reference", account=account).redirect_url


def test_taken_back_at_paypal_it_leaves_the_list_by_paypals_notice_and_its_owner_is_told_once(
    at_counter: Counter,
) -> None:
    broken, account, other = (who_saved(at_counter) for _ in range(3))
    broken.saved_methods.update(token="sealed.with-a-key-that-is-gone")
    taken_back_there(at_counter, account.saved_methods.get())
    letter = of_its_deletion(at_counter)
    for _ in range(2):
        assert post(letter).status_code == 200
        work_off()
    assert saved_methods.of(account=account) == {}
    assert account.saved_methods.get().token == ""
    told = [sentence(one) for one in account.notifications.filter(kind="saved_method_gone")]
    assert len(told) == 1
    assert "p…@example.com is saved here no more" in told[0]
    assert list(saved_methods.of(account=other)) == ["paypal_reference"]
    assert not other.notifications.filter(kind="saved_method_gone").exists()


def test_a_token_is_found_by_its_digest_and_one_of_before_by_opening(at_counter: Counter) -> None:
    saved = who_saved(at_counter).saved_methods.get()
    token, rows = saved_tokens.opened(saved), SavedMethod.objects.filter(id=saved.id)
    assert token not in saved.token_digest
    rows.update(token="k0.unreadable")
    assert saved_tokens.find(gateway="paypal", token=token) == saved
    assert saved_tokens.find(gateway="stripe", token=token) is None
    rows.update(token=saved.token, token_digest="")
    assert saved_tokens.find(gateway="paypal", token=token) == saved
    assert saved_tokens.find(gateway="paypal", token="another") is None


def test_what_an_older_key_sealed_is_sealed_anew_so_that_the_key_can_go(
    at_counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = who_saved(at_counter).saved_methods.get()
    token, before = saved_tokens.opened(saved), keyring.from_settings()
    old, new = before.current("fields"), keyring.Key("k9", b"9" * 32)
    keys = {purpose: before.all(purpose) for purpose in keyring.PURPOSES}
    monkeypatch.setattr(keyring, "from_settings", lambda: keyring.Keyring({**keys, "fields": (new, old)}))
    assert saved_tokens.find(gateway="paypal", token=token) == saved
    assert (saved_tokens.renew_due(limit=10), saved_tokens.renew_due(limit=10)) == (1, 0)
    monkeypatch.setattr(keyring, "from_settings", lambda: keyring.Keyring({**keys, "fields": (new,)}))
    found = saved_tokens.find(gateway="paypal", token=token)
    assert found == saved
    assert saved_tokens.opened(found) == token


def test_what_paypal_still_keeps_stays_whatever_a_notice_says(at_counter: Counter) -> None:
    saved = who_saved(at_counter).saved_methods.get()
    token = saved_tokens.opened(saved)
    assert saved_methods.told_gone(gateway="paypal", token=token, now=timezone.now())
    assert not saved_methods.told_gone(gateway="paypal", token="of-nobody", now=timezone.now())
    saved.refresh_from_db()
    assert saved.removed_at is None


def test_only_its_owner_can_forget_it(at_counter: Counter) -> None:
    saved = who_saved(at_counter).saved_methods.get()
    with pytest.raises(NotFound):
        saved_methods.forget(account=an_account(), public_id=saved.public_id, now=timezone.now())


def test_an_app_shows_and_forgets_it(at_counter: Counter) -> None:
    account = who_saved(at_counter)
    caller = a_browser(account)
    (found,) = caller.get("/saved-methods").json()["results"]
    assert (found["method"], found["label"]) == ("paypal_reference", "p…@example.com")
    assert a_browser(an_account()).ask("DELETE", f"/saved-methods/{found['id']}").status_code == 404
    assert caller.ask("DELETE", f"/saved-methods/{found['id']}").status_code == 204
    assert caller.get("/saved-methods").json()["results"] == []


def test_the_wallet_shows_what_is_saved_and_forgets_it(at_counter: Counter) -> None:
    account = who_saved(at_counter, an_advertiser(country="AU"))
    browser = signed_in(account)
    assert "p…@example.com" in text_of(browser.get("/wallet/"))
    assert "p…@example.com pays at once" in text_of(browser.get("/wallet/top-up/"))
    saved = account.saved_methods.get()
    assert Client().post(f"/wallet/saved/{saved.public_id}/forget/").status_code == 302
    done = browser.post(f"/wallet/saved/{saved.public_id}/forget/", follow=True)
    assert "Removed" in text_of(done)
    assert "p…@example.com" not in text_of(done)
