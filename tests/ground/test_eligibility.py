"""Who and what may be promoted: each rule alone, and all of them told at once."""

from datetime import UTC, date, datetime

import pytest

from promote.catalogue.models import LiveRoom, Product, Video
from promote.eligibility import BROWSER, Caller, assess, version_key
from promote.markets.models import Market
from tests import builders

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
pytestmark = pytest.mark.django_db


def failed(account, target, caller=BROWSER, now=NOW):
    return {check.code for check in assess(account=account, target=target, caller=caller, now=now).failed}


def test_an_adults_public_video_with_commercial_music_is_promotable():
    account = builders.an_account()
    assert failed(account, builders.a_video(account)) == set()


@pytest.mark.parametrize(
    ("facts", "check"),
    [
        ({"birth_date": None}, "age"),
        ({"birth_date": date(2008, 11, 25)}, "age"),
        ({"restricted": True}, "account_standing"),
        ({"country": "NO"}, "country"),
    ],
)
def test_an_account_that_may_not_promote_is_told_why_and_how_to_mend_it(facts, check):
    account = builders.an_account(**facts)
    eligibility = assess(account=account, target=builders.a_video(account), caller=BROWSER, now=NOW)
    assert [c.code for c in eligibility.failed] == [check]
    assert str(eligibility.failed[0].reason)
    assert str(eligibility.failed[0].remedy)


def test_eighteen_is_reached_on_the_birthday_in_the_markets_own_zone():
    account = builders.an_account(country="ID", birth_date=date(2008, 11, 25))
    video = builders.a_video(account)
    assert failed(account, video, now=datetime(2026, 11, 24, 16, 59, tzinfo=UTC)) == {"age"}
    assert failed(account, video, now=datetime(2026, 11, 24, 17, 0, tzinfo=UTC)) == set()


@pytest.mark.parametrize(
    ("facts", "check"),
    [
        ({"music_licence": "general"}, "music"),
        ({"music_licence": "unknown"}, "music"),
        ({"music_licence": "original"}, "music"),
        ({"visibility": "friends"}, "visibility"),
        ({"visibility": "private"}, "visibility"),
        ({"status": "suspended"}, "video_standing"),
        ({"status": "deleted"}, "video_standing"),
    ],
)
def test_a_video_that_may_not_be_promoted_is_named_by_its_own_check(facts, check):
    account = builders.an_account()
    assert failed(account, builders.a_video(account, **facts)) == {check}


@pytest.mark.parametrize(
    "facts",
    [{"music_licence": ""}, {"music_licence": "commercial"}, {"music_licence": "original", "music_own_sound": True}],
)
def test_no_music_commercial_music_and_the_creators_own_sound_pass(facts):
    account = builders.an_account()
    assert failed(account, builders.a_video(account, **facts)) == set()


def test_every_failing_check_is_told_at_once():
    account = builders.an_account(birth_date=None, restricted=True)
    video = builders.a_video(account, visibility="private", music_licence="general")
    assert failed(account, video) == {"age", "account_standing", "visibility", "music"}


@pytest.mark.parametrize(
    ("version", "passes"),
    [("20.4", True), ("20.4.0", True), ("20.10", True), ("20.3.9", False), ("9.9", False), ("x", False)],
)
@pytest.mark.parametrize("platform", ["ios", "android"])
def test_the_apps_version_is_compared_as_a_version(platform, version, passes):
    account = builders.an_account()
    video = builders.a_video(account)
    assert failed(account, video, Caller(platform, version)) == (set() if passes else {"app_version"})


def test_an_app_that_does_not_say_its_version_counts_as_too_old():
    account = builders.an_account()
    eligibility = assess(account=account, target=builders.a_video(account), caller=Caller(None), now=NOW)
    assert [c.code for c in eligibility.failed] == ["app_version"]
    assert "X-App-Version" in str(eligibility.failed[0].remedy)


def test_a_video_with_an_anchor_is_the_anchor_function_alone():
    seller = builders.an_account(country="TH")
    video = builders.a_video(seller, anchor={"in_stock": True})
    eligibility = assess(account=seller, target=video, caller=BROWSER, now=NOW)
    assert eligibility.function == "anchor"
    assert [c.code for c in eligibility.failed] == ["country"]


def test_a_sold_out_product_cannot_be_promoted():
    seller = builders.an_account(country="ID")
    video = builders.a_video(seller, anchor={"in_stock": False})
    assert failed(seller, video) == {"stock"}
    Product.objects.update(in_stock=True)
    assert failed(seller, Video.objects.get(id=video.id)) == set()


@pytest.mark.parametrize(("state", "checks"), [("scheduled", set()), ("on_air", set()), ("ended", {"live_state"})])
def test_a_live_can_be_promoted_before_and_while_on_air_but_not_after(state, checks):
    host = builders.an_account(country="ID")
    assert failed(host, builders.a_live(host, state=state)) == checks


def test_a_live_where_lives_are_not_launched_is_refused_by_data_not_by_code():
    host = builders.an_account(country="US")
    live = builders.a_live(host)
    assert failed(host, live) == {"country"}
    market = Market.objects.get(code="US")
    market.functions = [*market.functions, "live"]
    market.save()
    assert failed(host, LiveRoom.objects.get(id=live.id)) == set()


def test_a_video_that_moved_to_another_account_fails_ownership():
    before, after = builders.an_account(), builders.an_account()
    video = builders.a_video(after)
    assert failed(before, video) == {"ownership"}


def test_later_versions_are_greater_and_trailing_zeros_do_not_count():
    assert version_key("20.10") > version_key("20.4") > version_key("20.3.99")
    assert version_key("20.4.0") == version_key("20.4")
    assert version_key("20.4-beta") == version_key("20.4")
    assert version_key("") == version_key("latest") == ()
