"""What an advertiser sees first: what can be promoted, coins, offers, orders."""

import pytest

from promote.markets.models import Market
from tests.api.bodies import live_body, video_body
from tests.api.callers import a_browser, a_platform, an_app, problem, wrong_fields
from tests.builders import a_live, a_video, an_account, an_offer, an_order, coins_for

pytestmark = pytest.mark.django_db
LATER = "2026-11-25T08:00:00Z"


@pytest.fixture
def account():
    return an_account(country="ID", type="creator")


def failed(eligibility):
    return [check["code"] for check in eligibility["checks"] if not check["passed"]]


def eligibility_of(app, target):
    answer = app.get(f"/eligibility?target={target.public_id}")
    assert answer.status_code == 200, answer.content
    return answer.json()


def test_a_video_right_in_every_way_can_be_promoted(account):
    found = eligibility_of(an_app(account), a_video(account))
    assert (found["eligible"], found["function"]) == (True, "video")
    assert found["objectives"] == ["video_views", "website_visits", "followers"]
    assert {check["code"] for check in found["checks"]} == {
        "age", "account_type", "account_standing", "app_version", "country", "music", "visibility", "video_standing",
        "ownership",
    }  # fmt: skip
    assert found["entrances"][0] == {
        "surface": "creator_tools",
        "path": ["profile", "menu", "settings_and_privacy", "creator_tools", "promote", "central"],
    }
    assert isinstance(found["payment_methods"], list)


def test_every_failed_check_says_why_and_what_to_do(account):
    video = a_video(account, visibility="private", status="suspended", music_licence="general")
    found = eligibility_of(an_app(account), video)
    assert found["eligible"] is False
    assert failed(found) == ["music", "visibility", "video_standing"]
    assert all(check["reason"] and check["remedy"] for check in found["checks"] if not check["passed"])


def test_an_anchor_is_an_anchor_alone(account):
    found = eligibility_of(an_app(account), a_video(account, anchor={"in_stock": False}))
    assert (found["function"], failed(found)) == ("anchor", ["stock"])
    assert found["objectives"] == ["product_clicks", "video_views", "followers"]


def test_a_live_has_its_own_door(account):
    found = eligibility_of(an_app(account), a_live(account))
    assert found["function"] == "live"
    assert found["entrances"][0]["surface"] == "more_page"
    ended = eligibility_of(an_app(account), a_live(account, state="ended"))
    assert failed(ended) == ["live_state"]


@pytest.mark.parametrize(
    ("version", "fails"), [("20.4", []), ("20.10", []), ("20.3.9", ["app_version"]), ("x", ["app_version"])]
)
def test_an_app_too_old_is_told_so(account, version, fails):
    assert failed(eligibility_of(an_app(account, version=version), a_video(account))) == fails


def test_an_app_that_does_not_name_itself_is_told_which_headers_to_send(account):
    found = eligibility_of(an_app(account, app_platform=None, version=None), a_video(account))
    (check,) = [check for check in found["checks"] if check["code"] == "app_version"]
    assert check["passed"] is False
    assert "X-App-Platform" in check["remedy"]
    assert "X-App-Version" in check["remedy"]


def test_no_minimum_version_holds_for_a_browser(account):
    assert eligibility_of(a_browser(account), a_video(account))["eligible"] is True


def test_a_video_that_the_platform_moved_away_fails_by_ownership(account):
    video, another = a_video(account), an_account()
    moved = video_body(another.external_id, updated_at=LATER)
    assert a_platform("catalogue").put(f"/platform/videos/{video.external_id}", moved).status_code == 200
    assert failed(eligibility_of(an_app(account), video)) == ["ownership"]
    assert failed(eligibility_of(an_app(another), video)) == []
    assert problem(an_app(an_account()).get(f"/eligibility?target={video.public_id}"))["code"] == "not_found"


def test_a_live_that_the_platform_moved_away_fails_by_ownership(account):
    live = a_live(account)
    moved = live_body(an_account().external_id, updated_at=LATER)
    assert a_platform("catalogue").put(f"/platform/lives/{live.external_id}", moved).status_code == 200
    assert "ownership" in failed(eligibility_of(an_app(account), live))


def test_eligibility_of_nothing_or_of_another_s(account):
    app = an_app(account)
    assert wrong_fields(app.get("/eligibility")) == {"target": "required"}
    assert wrong_fields(app.get("/eligibility?target=")) == {"target": "required"}
    for target in ("nonsense", "vid_" + "0" * 32, a_video(an_account()).public_id):
        assert problem(app.get(f"/eligibility?target={target}"))["code"] == "not_found"


def test_central_has_everything_in_one_call(account):
    good, bad = a_video(account), a_video(account, visibility="friends")
    live = a_live(account)
    offer = an_offer(account)
    order = an_order(account, good)
    coins_for(account, 250)
    found = an_app(account).get("/central").json()
    assert set(found) >= {"account", "wallet", "entrances", "videos", "lives", "offers", "orders"}
    assert found["account"]["external_id"] == account.external_id
    assert (found["wallet"]["coins"], found["wallet"]["held_coins"]) == (250, 1000)
    eligible = {video["id"]: video["eligibility"]["eligible"] for video in found["videos"]}
    assert eligible == {good.public_id: True, bad.public_id: False}
    assert {video["id"]: video["orders"] for video in found["videos"]}[good.public_id] == [order.public_id]
    assert [one["id"] for one in found["lives"]] == [live.public_id]
    assert [one["id"] for one in found["offers"]] == [offer.public_id]
    assert found["orders"][0]["results"]["unit"] == "view_2s"
    assert {entrance["surface"] for entrance in found["entrances"]} == {"creator_tools", "your_offers"}


def test_central_works_where_promote_is_not_launched():
    account = an_account(country="NZ")
    a_video(account)
    (video,) = an_app(account).get("/central").json()["videos"]
    assert "country" in failed(video["eligibility"])
    assert not Market.objects.filter(code="NZ").exists()


def test_central_is_an_advertiser_s():
    assert problem(a_platform().get("/central"))["code"] == "not_allowed"


def test_central_takes_no_more_queries_for_many_videos_than_for_few(account, django_assert_max_num_queries):
    for _ in range(12):
        a_video(account)
    app = an_app(account)
    with django_assert_max_num_queries(16):
        assert len(app.get("/central").json()["videos"]) == 12
