"""App tokens: short, renewable once each, and ended where one was copied."""

from datetime import UTC, datetime, timedelta

import jwt as pyjwt
import pytest
from django.utils import timezone

from promote.keys import jwt, keyring
from promote.keys.models import TokenFamily
from promote.refusals import NotAuthenticated
from tests import builders
from tests.api.callers import Caller, a_platform, problem, wrong_fields
from tests.builders import NOON

pytestmark = pytest.mark.django_db


def claims_of(text, now=NOON, use="access"):
    return jwt.read(text, keys=keyring.from_settings(), now=now, use=use)


def test_a_token_names_its_account_its_platform_and_its_key():
    account = builders.an_account()
    tokens = jwt.issue(account=account, app_platform="ios", now=NOON)
    claims = claims_of(tokens.access)
    assert (claims.account_id, claims.app_platform) == (account.id, "ios")
    assert claims.expires_at == tokens.expires_at == NOON + timedelta(minutes=15)
    assert pyjwt.get_unverified_header(tokens.access)["kid"] == keyring.from_settings().current("jwt").id


def test_each_refresh_gives_a_new_pair_for_the_same_account():
    account = builders.an_account()
    first = jwt.issue(account=account, app_platform="android", now=NOON)
    later = NOON + timedelta(days=20)
    second = jwt.refresh(first.refresh, now=later)
    third = jwt.refresh(second.refresh, now=later + timedelta(days=20))
    claims = claims_of(third.access, later + timedelta(days=20))
    assert (claims.account_id, claims.app_platform) == (account.id, "android")
    assert TokenFamily.objects.count() == 1


SOON, LATER = NOON + timedelta(seconds=9), NOON + timedelta(seconds=11)


def test_a_refresh_token_that_comes_back_ends_the_whole_sign_in():
    first = jwt.issue(account=builders.an_account(), app_platform=None, now=NOON)
    second = jwt.refresh(first.refresh, now=NOON)
    with pytest.raises(NotAuthenticated):
        jwt.refresh(first.refresh, now=LATER)
    with pytest.raises(NotAuthenticated):
        jwt.refresh(second.refresh, now=LATER)
    assert TokenFamily.objects.get().revoked_why == "reuse"


def test_a_refresh_token_sent_twice_at_once_is_refused_but_ends_nothing():
    first = jwt.issue(account=builders.an_account(), app_platform=None, now=NOON)
    second = jwt.refresh(first.refresh, now=NOON)
    with pytest.raises(NotAuthenticated):
        jwt.refresh(first.refresh, now=SOON)
    assert jwt.refresh(second.refresh, now=SOON).access


def test_a_refresh_token_from_long_before_ends_the_sign_in_at_once():
    first = jwt.issue(account=builders.an_account(), app_platform=None, now=NOON)
    third = jwt.refresh(jwt.refresh(first.refresh, now=NOON).refresh, now=NOON)
    with pytest.raises(NotAuthenticated):
        jwt.refresh(first.refresh, now=SOON)
    with pytest.raises(NotAuthenticated):
        jwt.refresh(third.refresh, now=SOON)


def test_a_sign_in_that_is_over_is_forgotten():
    jwt.issue(account=builders.an_account(), app_platform=None, now=NOON)
    assert jwt.forget(before=NOON + timedelta(days=30)) == 0
    assert jwt.forget(before=NOON + timedelta(days=31)) == 1


def test_another_sign_in_of_the_same_account_goes_on():
    account = builders.an_account()
    copied, other = (jwt.issue(account=account, app_platform=None, now=NOON) for _ in range(2))
    jwt.refresh(copied.refresh, now=NOON)
    with pytest.raises(NotAuthenticated):
        jwt.refresh(copied.refresh, now=LATER)
    assert jwt.refresh(other.refresh, now=NOON).access


def test_a_refresh_token_is_good_for_thirty_days():
    tokens = jwt.issue(account=builders.an_account(), app_platform=None, now=NOON)
    with pytest.raises(NotAuthenticated):
        jwt.refresh(tokens.refresh, now=NOON + timedelta(days=30))


def test_an_access_token_renews_nothing():
    tokens = jwt.issue(account=builders.an_account(), app_platform=None, now=NOON)
    with pytest.raises(NotAuthenticated):
        jwt.refresh(tokens.access, now=NOON)


def forged(**changes):
    key = keyring.from_settings().current("jwt")
    claims = {
        "iss": "promote",
        "sub": f"acc_{builders.an_account().id.hex}",
        "use": "access",
        "exp": int((NOON + timedelta(hours=1)).timestamp()),
        "fam": "0" * 32,
        "gen": 1,
    }
    claims = {name: value for name, value in {**claims, **changes}.items() if value is not None}
    return pyjwt.encode(claims, key.secret, algorithm="HS256", headers={"kid": key.id})


def test_a_token_right_in_everything_is_read():
    assert claims_of(forged()).use == "access"


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "another"},
        {"sub": None},
        {"sub": "acc_nonsense"},
        {"sub": "acc_" + "0" * 31},
        {"exp": None},
        {"exp": 10**30},
        {"use": "refresh"},
        {"fam": None},
        {"fam": "x"},
        {"gen": "one"},
    ],
)
def test_a_token_wrong_in_one_thing_is_not(changes):
    with pytest.raises(jwt.TokenBroken):
        claims_of(forged(**changes))


def test_a_token_signed_by_nobody_or_by_another_is_not_read():
    good = pyjwt.decode(forged(), options={"verify_signature": False})
    key = keyring.from_settings().current("jwt")
    unsigned = pyjwt.encode(good, None, algorithm="none", headers={"kid": key.id})
    by_another = pyjwt.encode(good, b"x" * 32, algorithm="HS256", headers={"kid": key.id})
    without_a_key = pyjwt.encode(good, key.secret, algorithm="HS256")
    for text in (unsigned, by_another, without_a_key, "", "..", "a.b.c", "é.é.é"):
        with pytest.raises(jwt.TokenBroken):
            claims_of(text)


def test_a_token_of_the_key_before_is_good_while_keys_rotate():
    old, new = (keyring.Key(name, name.encode() * 16) for name in ("k1", "k2"))
    before = keyring.Keyring({purpose: [old] for purpose in keyring.PURPOSES})
    after = keyring.Keyring({purpose: [new, old] for purpose in keyring.PURPOSES})
    claims = pyjwt.decode(forged(), options={"verify_signature": False})
    text = pyjwt.encode(claims, before.current("jwt").secret, algorithm="HS256", headers={"kid": "k1"})
    assert jwt.read(text, keys=after, now=NOON).use == "access"


class TestAtTheDoor:
    def test_the_platform_s_server_signs_its_user_in(self):
        account = builders.an_account(external_id="sri")
        answer = a_platform("tokens").post("/platform/accounts/sri/tokens", {"app_platform": "ios"})
        assert answer.status_code == 200
        assert set(answer.json()) == {"access", "refresh", "expires_at"}
        app = Caller(Authorization=f"Bearer {answer.json()['access']}")
        assert app.get("/notifications").status_code == 200
        assert datetime.fromisoformat(answer.json()["expires_at"]) > datetime.now(UTC)
        assert TokenFamily.objects.get().account == account

    def test_no_body_means_no_word_on_the_platform(self):
        builders.an_account(external_id="sri")
        assert a_platform("tokens").post("/platform/accounts/sri/tokens").status_code == 200
        assert TokenFamily.objects.get().app_platform == ""

    def test_an_unknown_user_and_an_unknown_platform_are_told_apart(self):
        builders.an_account(external_id="sri")
        assert problem(a_platform("tokens").post("/platform/accounts/x/tokens", {}))["code"] == "not_found"
        wrong = a_platform("tokens").post("/platform/accounts/sri/tokens", {"app_platform": "windows"})
        assert wrong_fields(wrong) == {"app_platform": "invalid_choice"}

    def test_an_app_renews_its_tokens_without_any_other_credential(self):
        tokens = jwt.issue(account=builders.an_account(), app_platform=None, now=timezone.now())
        answer = Caller(Authorization="Bearer ended").post("/auth/refresh", {"refresh": tokens.refresh})
        assert answer.status_code == 200
        again = Caller().post("/auth/refresh", {"refresh": tokens.refresh})
        assert (again.status_code, problem(again)["code"]) == (401, "not_authenticated")

    @pytest.mark.parametrize("body", [{}, {"refresh": 5}, {"refresh": None}, {"refresh": ""}])
    def test_a_renewal_without_a_token_is_invalid(self, body):
        assert list(wrong_fields(Caller().post("/auth/refresh", body))) == ["refresh"]
