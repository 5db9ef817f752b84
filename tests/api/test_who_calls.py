"""Keys, tokens and sessions at the door."""

from datetime import timedelta

import pytest
from django.utils import timezone
from rest_framework.test import APIRequestFactory

from promote.eligibility import Caller as App
from promote.keys import jwt, platform_keys
from promote.keys.models import PlatformKey
from promote.rest import caller, throttling
from promote.rest.views import Door
from tests import builders
from tests.api.bodies import account_body
from tests.api.callers import Caller, a_browser, a_platform, an_app, problem

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Api-Key",
        "Api-Key ",
        "Api-Key nonsense",
        "Api-Key pk_abc_def",
        "Api-Key pk_é_ü",
        "Bearer",
        "Bearer nonsense",
        "Bearer a.b.c",
        "Basic dXNlcjpwYXNz",
        "nonsense",
    ],
)
def test_without_a_good_key_or_token_nobody_comes_in(header):
    answer = Caller(**({} if header is None else {"Authorization": header})).get("/notifications")
    assert (answer.status_code, problem(answer)["code"]) == (401, "not_authenticated")
    assert answer["WWW-Authenticate"].startswith("Bearer")


def test_a_key_is_kept_as_its_hash_and_shows_when_it_was_used():
    key, text = platform_keys.create(name="Shop", scopes=["catalogue"], now=timezone.now())
    assert text not in str(vars(key))
    Caller(Authorization=f"Api-Key {text}").put("/platform/accounts/a", account_body())
    key.refresh_from_db()
    assert timezone.now() - key.last_used_at < timedelta(minutes=1)


def test_a_revoked_key_opens_nothing():
    platform = a_platform("catalogue")
    platform_keys.revoke(key_id=PlatformKey.objects.get().id, now=timezone.now())
    answer = platform.put("/platform/accounts/a", account_body())
    assert (answer.status_code, problem(answer)["code"]) == (401, "not_authenticated")


def test_a_platform_key_is_no_advertiser():
    assert problem(a_platform().get("/notifications"))["code"] == "not_allowed"


def test_a_user_is_no_platform():
    app = an_app(builders.an_account())
    assert problem(app.put("/platform/accounts/a", account_body()))["code"] == "not_allowed"


def test_staff_without_an_account_is_no_advertiser():
    caller = Caller()
    caller.client.force_login(builders.a_user(is_staff=True))
    assert problem(caller.get("/notifications"))["code"] == "not_allowed"


def test_an_app_and_a_browser_see_the_account_s_own():
    account = builders.an_account()
    assert an_app(account).get("/notifications").json() == {"results": [], "next": None}
    assert a_browser(account).get("/notifications").json() == {"results": [], "next": None}


def test_a_browser_that_writes_needs_the_csrf_token():
    answer = a_browser(builders.an_account(), checks_csrf=True).post("/platform/bulk")
    assert problem(answer)["code"] == "not_allowed"
    assert "CSRF" in problem(answer)["detail"]


def test_an_app_platform_other_than_the_token_s_is_refused():
    answer = an_app(builders.an_account(), app_platform="ios").get("/notifications", **{"X-App-Platform": "android"})
    assert (answer.status_code, problem(answer)["code"]) == (403, "not_allowed")


def test_an_unknown_app_platform_is_named():
    answer = an_app(builders.an_account(), app_platform=None).get("/notifications", **{"X-App-Platform": "windows"})
    assert problem(answer)["errors"][0]["field"] == "X-App-Platform"


def test_a_token_ends_after_a_quarter_of_an_hour():
    account = builders.an_account()
    old = jwt.issue(account=account, app_platform=None, now=timezone.now() - timedelta(minutes=15, seconds=1))
    answer = Caller(Authorization=f"Bearer {old.access}").get("/notifications")
    assert problem(answer)["code"] == "not_authenticated"


def test_a_refresh_token_is_no_access_token():
    tokens = jwt.issue(account=builders.an_account(), app_platform=None, now=timezone.now())
    assert Caller(Authorization=f"Bearer {tokens.refresh}").get("/notifications").status_code == 401


def test_every_answer_tells_how_many_calls_are_left():
    answer = an_app(builders.an_account()).get("/notifications")
    assert int(answer["RateLimit-Remaining"]) == int(answer["RateLimit-Limit"]) - 1
    assert 0 < int(answer["RateLimit-Reset"]) <= 60


def test_too_many_calls_are_told_when_to_come_again(monkeypatch):
    monkeypatch.setattr(throttling, "USER_LIMIT", 2)
    app = an_app(builders.an_account())
    answers = [app.get("/notifications") for _ in range(4)]
    # A window may end between two of them.
    limited = [answer for answer in answers if answer.status_code == 429]
    assert limited
    assert problem(limited[0])["code"] == "rate_limited"
    assert 0 < int(limited[0]["Retry-After"]) <= 60
    assert an_app(builders.an_account()).get("/notifications").status_code == 200


def asked(app: Caller) -> App:
    """What a door sees of the app that calls."""
    request = Door().initialize_request(APIRequestFactory().get("/", headers=app.headers))
    return caller(request)


class TestTheAppThatCalls:
    def test_it_is_what_the_token_and_the_headers_say(self):
        account = builders.an_account()
        assert asked(an_app(account, app_platform="ios", version="20.10")) == App("ios", "20.10")

    def test_the_header_speaks_where_the_token_does_not(self):
        app = an_app(builders.an_account(), app_platform=None)
        app.headers["X-App-Platform"] = "android"
        assert asked(app) == App("android", "20.4.0")

    def test_without_headers_it_is_none_that_we_know(self):
        assert asked(an_app(builders.an_account(), app_platform=None, version=None)) == App(None, None)

    def test_a_browser_is_the_web(self):
        assert asked(Caller()) == App("web", None)


@pytest.mark.parametrize("what", ["tokens", "sign-in-links"])
@pytest.mark.parametrize("external_id", ["nobody", "%00", "a%20b", "x" * 200])
def test_nobody_signs_in_for_an_account_that_is_not_there(what, external_id):
    answer = a_platform("tokens").post(f"/platform/accounts/{external_id}/{what}", {})
    assert (answer.status_code, problem(answer)["code"]) == (404, "not_found")
