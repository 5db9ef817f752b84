"""A platform's server sends accounts, videos and lives."""

import pytest

from promote.accounts.models import Account
from promote.catalogue.models import Video
from tests.api.bodies import T1, T2, account_body, anchor_body, live_body, video_body
from tests.api.callers import a_platform, problem, wrong_fields

pytestmark = pytest.mark.django_db


def anchor_of(amount_minor, currency="IDR"):
    return anchor_body(price={"amount_minor": amount_minor, "currency": currency})


def test_an_account_is_made_then_updated():
    platform = a_platform("catalogue")
    made = platform.put("/platform/accounts/sri", account_body())
    assert made.status_code == 201
    assert made.json()["id"].startswith("acc_")
    assert made.json()["stale"] is False
    again = platform.put("/platform/accounts/sri", account_body(username="sri.batik", updated_at=T2))
    assert again.status_code == 200
    assert (again.json()["id"], again.json()["username"]) == (made.json()["id"], "sri.batik")


def test_the_same_update_twice_is_no_second_account():
    platform = a_platform("catalogue")
    first, second = (platform.put("/platform/accounts/sri", account_body()) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()


def test_an_older_update_changes_nothing_and_says_so():
    platform = a_platform("catalogue")
    platform.put("/platform/accounts/sri", account_body(username="new", updated_at=T2))
    late = platform.put("/platform/accounts/sri", account_body(username="old", updated_at=T1))
    assert late.status_code == 200
    assert (late.json()["stale"], late.json()["username"]) == (True, "new")


def test_a_country_without_promote_is_taken():
    assert a_platform("catalogue").put("/platform/accounts/a", account_body(country="NZ")).status_code == 201


def test_optional_fields_may_be_left_out_or_null():
    body = {"username": "a", "type": "personal", "country": "ID", "updated_at": T1}
    nulls = dict.fromkeys(("birth_date", "restricted", "language", "timezone", "followers"))
    platform = a_platform("catalogue")
    assert platform.put("/platform/accounts/a", body).status_code == 201
    assert platform.put("/platform/accounts/b", {**body, **nulls}).status_code == 201
    assert Account.objects.get(external_id="b").restricted is False


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("username", "", "blank"),
        ("username", 5, "invalid"),
        ("username", "x" * 129, "max_length"),
        ("type", "bot", "invalid_choice"),
        ("type", ["business"], "invalid_choice"),
        ("type", {"a": 1}, "invalid_choice"),
        ("country", "id", "country"),
        ("country", "Indonesia", "country"),
        ("country", None, "null"),
        ("birth_date", "17.05.1990", "invalid"),
        ("birth_date", "1990-02-30", "invalid"),
        ("birth_date", 19900517, "invalid"),
        ("restricted", "true", "invalid"),
        ("restricted", 1, "invalid"),
        ("language", "i", "language"),
        ("timezone", "Jakarta", "timezone"),
        ("followers", -1, "min_value"),
        ("followers", True, "invalid"),
        ("followers", 3.0, "invalid"),
        ("followers", "3", "invalid"),
        ("followers", 10**30, "max_value"),
        ("updated_at", "2026-11-24 08:00", "invalid"),
        ("updated_at", "2026-11-24T08:00:00", "invalid"),
        ("updated_at", "0001-01-01T00:00:00+23:59", "range"),
        ("updated_at", 1764000000, "invalid"),
    ],
)
def test_a_wrong_field_is_named(field, value, code):
    answer = a_platform("catalogue").put("/platform/accounts/sri", account_body(**{field: value}))
    assert wrong_fields(answer) == {field: code}
    assert not Account.objects.exists()


def test_every_missing_field_is_named_at_once():
    answer = a_platform("catalogue").put("/platform/accounts/sri", {})
    assert set(wrong_fields(answer)) == {"username", "type", "country", "updated_at"}


@pytest.mark.parametrize("external_id", ["x" * 129, "with%20space", "tab%09", "nul%00"])
def test_an_external_id_has_limits(external_id):
    answer = a_platform("catalogue").put(f"/platform/accounts/{external_id}", account_body())
    assert list(wrong_fields(answer)) == ["external_id"]


def test_a_video_carries_its_music_and_its_product():
    platform = a_platform("catalogue")
    platform.put("/platform/accounts/sri", account_body())
    body = video_body("sri", anchor=anchor_body(), cover_url="https://cdn.example/1.jpg", published_at=T1)
    made = platform.put("/platform/videos/v1", body)
    assert made.status_code == 201, made.content
    video = made.json()
    assert video["id"].startswith("vid_")
    assert video["music"] == {"title": "Gamelan", "licence": "commercial", "own_sound": False}
    assert video["anchor"] == {**anchor_body(), "in_stock": True}
    without = platform.put("/platform/videos/v1", video_body("sri", updated_at=T2))
    assert without.json()["anchor"] is None
    assert without.json()["revision"] > video["revision"]


def test_a_video_of_an_unknown_account_is_refused():
    answer = a_platform("catalogue").put("/platform/videos/v1", video_body("nobody"))
    assert wrong_fields(answer) == {"account": "not_found"}
    assert not Video.objects.exists()


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"music": "Gamelan"}, "music", "invalid"),
        ({"music": {"title": "x", "licence": "stolen"}}, "music.licence", "invalid_choice"),
        ({"music": {"licence": "original"}}, "music.title", "required"),
        ({"anchor": anchor_of(-1)}, "anchor.price.amount_minor", "min_value"),
        ({"anchor": anchor_of(1.5)}, "anchor.price.amount_minor", "invalid"),
        ({"anchor": anchor_of(1, "rp")}, "anchor.price.currency", "currency"),
        ({"anchor": anchor_body(url="javascript:alert(1)")}, "anchor.url", "address"),
        ({"anchor": anchor_body(product_id="")}, "anchor.product_id", "blank"),
        ({"duration_s": 2**40}, "duration_s", "max_value"),
        ({"duration_s": None}, "duration_s", "null"),
        ({"cover_url": "not a url"}, "cover_url", "address"),
        ({"visibility": "unlisted"}, "visibility", "invalid_choice"),
    ],
)  # fmt: skip
def test_a_wrong_part_of_a_video_is_named_by_its_path(change, field, code):
    platform = a_platform("catalogue")
    platform.put("/platform/accounts/sri", account_body())
    answer = platform.put("/platform/videos/v1", video_body("sri", **change))
    assert wrong_fields(answer) == {field: code}
    assert not Video.objects.exists()


def test_a_live_goes_on_air_and_ends_once():
    platform = a_platform("catalogue")
    platform.put("/platform/accounts/sri", account_body())
    assert platform.put("/platform/lives/l1", live_body("sri", state="scheduled")).status_code == 201
    on_air = platform.put("/platform/lives/l1", live_body("sri", updated_at=T2))
    assert on_air.json()["state"] == "on_air"
    assert on_air.json()["on_air_at"] is not None
    ended = platform.put("/platform/lives/l1", live_body("sri", state="ended", updated_at="2026-11-24T10:00:00Z"))
    assert ended.json()["state"] == "ended"
    back = platform.put("/platform/lives/l1", live_body("sri", updated_at="2026-11-24T11:00:00Z"))
    assert wrong_fields(back) == {"state": "ended"}


def test_a_key_without_the_scope_may_not_send_the_catalogue():
    answer = a_platform("tokens").put("/platform/accounts/sri", account_body())
    assert (answer.status_code, problem(answer)["code"]) == (403, "not_allowed")
    assert "catalogue" in problem(answer)["detail"]
