"""From a price to an order, and reading it, over REST."""

from datetime import timedelta

import pytest
import time_machine

from orders.models import Order
from payments import wallet
from promote.markets.models import Market
from tests.api.callers import a_browser, a_platform, an_app, problem, wrong_fields
from tests.builders import (
    NOON,
    a_delivering_order,
    a_live,
    a_video,
    an_account,
    an_offer,
    an_order,
    charged,
    coins_for,
    settled,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def clock():
    with time_machine.travel(NOON, tick=False) as clock:
        yield clock


@pytest.fixture
def account():
    return an_account(country="ID")


def wish_for(target, **wish):
    return {
        "target": target.public_id,
        "objective": "video_views",
        "budget_coins": 1000,
        "duration_hours": 24,
        "audience": {"automatic": True},
        **wish,
    }


def quoted(app, target, **wish):
    answer = app.post("/quotes", wish_for(target, **wish))
    assert answer.status_code == 201, answer.content
    return answer.json()


def placed(app, quote, key="k", **more):
    return app.post("/orders", {"quote": quote, **more}, **({"Idempotency-Key": key} if key else {}))


def test_a_quote_says_what_it_costs_and_what_it_may_bring(account):
    quote = quoted(an_app(account), a_video(account))
    assert (quote["cost_coins"], quote["coupon_coins"], quote["pay_coins"]) == (1000, 0, 1000)
    estimate = quote["estimate"]
    assert (estimate["unit"], estimate["level"], estimate["early"]) == ("view_2s", 0.8, True)
    assert 0 <= estimate["low"] <= estimate["high"]
    assert quote["expires_at"] == "2026-11-24T12:10:00Z"


def test_an_offer_takes_coins_off(account):
    offer = an_offer(account)
    quote = quoted(an_app(account), a_video(account), offer=offer.public_id)
    assert (quote["cost_coins"], quote["coupon_coins"], quote["pay_coins"]) == (1000, 200, 800)


@pytest.mark.parametrize("offer", ["nonsense", "off_" + "0" * 32, "vid_" + "0" * 32])
def test_an_offer_that_is_none_is_not_applicable(account, offer):
    answer = an_app(account).post("/quotes", wish_for(a_video(account), offer=offer))
    assert (answer.status_code, problem(answer)["code"]) == (409, "offer_not_applicable")
    assert problem(answer)["reason"] == "unknown"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("target", 5),
        ("objective", None),
        ("objective", "live_viewers"),
        ("budget_coins", 299),
        ("budget_coins", "1000"),
        ("budget_coins", 1000.0),
        ("budget_coins", True),
        ("budget_coins", 0),
        ("budget_coins", -1000),
        ("budget_coins", 10**30),
        ("budget_coins", 200_001),
        ("duration_hours", 5),
        ("duration_hours", 721),
        ("duration_hours", "24"),
        ("duration_hours", True),
        ("duration_hours", 10**30),
        ("duration_hours", -6),
        ("audience", None),
        ("audience", {}),
        ("audience", {"automatic": False}),
        ("website_url", "https://shop.example/"),
        ("website_url", ["https://shop.example/"]),
        ("call_to_action", {}),
        ("offer", 7),
    ],
)
def test_a_wrong_wish_is_named_and_priced_at_nothing(account, field, value):
    answer = an_app(account).post("/quotes", {**wish_for(a_video(account)), field: value})
    assert list(wrong_fields(answer)) == [field]


@pytest.mark.parametrize(
    ("audience", "field"),
    [
        ({"countries": ["ZZ"]}, "audience.countries"),
        ({"countries": "ID"}, "audience.countries"),
        ({"age_bands": ["13-17"]}, "audience.age_bands"),
        ({"genders": [1]}, "audience.genders"),
        ({"interests": []}, "audience.interests"),
        ({"shoe_size": [42]}, "audience.shoe_size"),
        ({"automatic": True, "countries": ["ID"]}, "audience.automatic"),
        ({"automatic": "yes"}, "audience.automatic"),
    ],
)
def test_a_wrong_part_of_an_audience_is_named(account, audience, field):
    answer = an_app(account).post("/quotes", wish_for(a_video(account), audience=audience))
    assert list(wrong_fields(answer)) == [field]


@pytest.mark.parametrize("target", ["vid_" + "0" * 32, "liv_" + "f" * 32, "nonsense", "ord_" + "0" * 32])
def test_a_target_that_is_none_is_not_found(account, target):
    body = {**wish_for(a_video(account)), "target": target}
    assert problem(an_app(account).post("/quotes", body))["code"] == "not_found"


def test_another_s_video_does_not_exist(account):
    answer = an_app(account).post("/quotes", wish_for(a_video(an_account())))
    assert (answer.status_code, problem(answer)["code"]) == (404, "not_found")


def test_what_may_not_be_promoted_says_every_reason(account):
    video = a_video(account, visibility="private", music_licence="general")
    answer = an_app(account, version="20.3").post("/quotes", wish_for(video))
    assert (answer.status_code, problem(answer)["code"]) == (409, "not_eligible")
    failed = {check["code"] for check in problem(answer)["checks"] if not check["passed"]}
    assert failed == {"app_version", "visibility", "music"}


def test_an_order_is_placed_from_a_quote(account):
    app, video = an_app(account), a_video(account)
    coins_for(account, 1500)
    answer = placed(app, quoted(app, video)["quote"])
    assert answer.status_code == 201
    order = answer.json()
    assert (order["status"], order["target"], order["objective"]) == ("in_review", video.public_id, "video_views")
    assert (order["cost_coins"], order["paid_coins"], order["spent_coins"]) == (1000, 1000, None)
    assert order["results"] == {"unit": "view_2s", "count": 0, "cost_per": None}
    assert order["review"]["status"] == "in_review"
    assert [moment["event"] for moment in order["timeline"]] == ["placed"]
    assert wallet.balance(account=account).free_coins == 500
    assert app.get(f"/orders/{order['id']}").json() == order


def test_too_few_coins_say_how_many_are_missing_and_the_quote_is_still_good(account):
    app = an_app(account)
    quote = quoted(app, a_video(account))["quote"]
    coins_for(account, 400)
    answer = placed(app, quote)
    assert (answer.status_code, problem(answer)["code"]) == (402, "insufficient_coins")
    assert problem(answer)["missing_coins"] == 600
    assert not Order.objects.exists()
    coins_for(account, 600)
    assert placed(app, quote).status_code == 201


def test_the_same_placement_again_is_the_same_order_and_takes_coins_once(account):
    app = an_app(account)
    coins_for(account, 3000)
    quote = quoted(app, a_video(account))["quote"]
    first, second = placed(app, quote), placed(app, quote)
    assert first.json() == second.json()
    assert second["Idempotent-Replayed"] == "true"
    assert wallet.balance(account=account).free_coins == 2000


def test_a_quote_places_one_order(account):
    app = an_app(account)
    coins_for(account, 3000)
    quote = quoted(app, a_video(account))["quote"]
    placed(app, quote, key="one")
    answer = placed(app, quote, key="two")
    assert (answer.status_code, problem(answer)["code"]) == (409, "quote_used")


def test_a_key_that_placed_one_quote_places_no_other(account):
    app, video = an_app(account), a_video(account)
    coins_for(account, 3000)
    placed(app, quoted(app, video)["quote"])
    answer = placed(app, quoted(app, video)["quote"])
    assert (answer.status_code, problem(answer)["code"]) == (422, "idempotency_key_reused")


def test_a_quote_lasts_ten_minutes(account, clock):
    app = an_app(account)
    coins_for(account, 3000)
    quote = quoted(app, a_video(account))["quote"]
    clock.move_to(NOON + timedelta(minutes=10))
    answer = placed(app, quote)
    assert (answer.status_code, problem(answer)["code"]) == (409, "quote_expired")


@pytest.mark.parametrize("quote", ["nonsense", "k1.AAAA", "é", "x" * 10_000])
def test_what_we_did_not_seal_is_no_quote(account, quote):
    answer = placed(an_app(account), quote)
    assert (answer.status_code, problem(answer)["code"]) == (400, "quote_invalid")


def test_another_s_quote_is_no_quote(account):
    other = an_account()
    quote = quoted(an_app(other), a_video(other))["quote"]
    assert problem(placed(an_app(account), quote))["code"] == "quote_invalid"


@pytest.mark.parametrize("body", [{}, {"quote": None}, {"quote": 5}, {"quote": ""}, {"quote": "x" * 16_001}])
def test_placing_without_a_quote_is_invalid(account, body):
    answer = an_app(account).post("/orders", body, **{"Idempotency-Key": "k"})
    assert list(wrong_fields(answer)) == ["quote"]


def test_placing_needs_a_key_before_anything_is_judged(account):
    assert problem(placed(an_app(account), "nonsense", key=None))["code"] == "idempotency_key_missing"


def test_a_live_on_air_delivers_at_once_while_it_is_reviewed(account):
    app, live = an_app(account), a_live(account)
    coins_for(account, 1000)
    order = placed(app, quoted(app, live, objective="live_viewers")["quote"]).json()
    assert (order["status"], order["review"]["status"], order["function"]) == ("delivering", "in_review", "live")


def test_a_browser_of_the_same_account_sees_the_same_order(account):
    order = an_order(account)
    assert a_browser(account).get(f"/orders/{order.public_id}").json()["id"] == order.public_id


@pytest.mark.parametrize("call", ["", "/report", "/charges", "/diagnosis"])
def test_another_s_order_does_not_exist(account, call):
    order = an_order()
    answer = an_app(account).get(f"/orders/{order.public_id}{call}")
    assert (answer.status_code, problem(answer)["code"]) == (404, "not_found")


@pytest.mark.parametrize("order", ["nonsense", "ord_", "ord_" + "z" * 32, "vid_" + "0" * 32, "ord_" + "0" * 32])
def test_what_is_no_order_is_not_found(account, order):
    assert problem(an_app(account).get(f"/orders/{order}"))["code"] == "not_found"


def test_a_platform_key_has_no_orders():
    assert problem(a_platform().get("/orders"))["code"] == "not_allowed"


def test_orders_are_listed_newest_first_a_page_at_a_time(account):
    video = a_video(account)
    orders = [an_order(account, video, now=NOON + timedelta(minutes=n)).public_id for n in range(5)]
    app = an_app(account)
    seen, cursor = [], ""
    for _ in range(3):
        page = app.get(f"/orders?limit=2{cursor}").json()
        seen.append([order["id"] for order in page["results"]])
        cursor = f"&cursor={page['next']}"
    assert seen == [orders[4:2:-1], orders[2:0:-1], orders[:1]]
    assert page["next"] is None


def test_orders_placed_at_one_moment_are_each_listed_once(account):
    video = a_video(account)
    orders = {an_order(account, video).public_id for _ in range(4)}
    app = an_app(account)
    first = app.get("/orders?limit=2").json()
    second = app.get(f"/orders?limit=2&cursor={first['next']}").json()
    assert {order["id"] for page in (first, second) for order in page["results"]} == orders


def test_a_list_holds_one_status_where_asked(account):
    running, _waiting = a_delivering_order(account=account), an_order(account)
    found = an_app(account).get("/orders?status=delivering").json()["results"]
    assert [order["id"] for order in found] == [running.public_id]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("status=running", "status"),
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=x", "limit"),
        ("limit=²", "limit"),
        ("cursor=nonsense", "cursor"),
        ("cursor=%00", "cursor"),
    ],
)
def test_a_wrong_question_to_a_list_is_named(account, query, field):
    assert list(wrong_fields(an_app(account).get(f"/orders?{query}"))) == [field]


def test_a_cursor_opens_only_the_list_that_it_came_from(account):
    video = a_video(account)
    for _ in range(2):
        an_order(account, video)
    app = an_app(account)
    cursor = app.get("/orders?limit=1").json()["next"]
    assert list(wrong_fields(app.get(f"/notifications?cursor={cursor}"))) == ["cursor"]


def test_a_list_of_many_orders_takes_no_more_queries_than_of_few(account, django_assert_max_num_queries):
    video = a_video(account)
    for _ in range(8):
        an_order(account, video)
    app = an_app(account)
    with django_assert_max_num_queries(12):
        assert len(app.get("/orders").json()["results"]) == 8


def test_ending_in_review_gives_everything_back_with_its_results(account):
    order = an_order(account)
    answer = an_app(account).post(f"/orders/{order.public_id}/end", **{"Idempotency-Key": "k"})
    body = answer.json()
    assert (answer.status_code, body["status"], body["refunded_coins"]) == (200, "cancelled", 1000)
    assert body["results"]["count"] == 0


def test_asking_to_pause_is_answered_that_it_is_not_available(account):
    order = a_delivering_order(account=account)
    app = an_app(account)
    for what in ("pause", "resume"):
        answer = app.post(f"/orders/{order.public_id}/{what}", **{"Idempotency-Key": what})
        assert (answer.status_code, problem(answer)["code"]) == (409, "pausing_not_available")


def test_pausing_works_where_ops_switched_it_on(account):
    order = a_delivering_order(account=account)
    Market.objects.filter(code="ID").update(pausing_allowed=True)
    answer = an_app(account).post(f"/orders/{order.public_id}/pause", **{"Idempotency-Key": "k"})
    assert (answer.status_code, answer.json()["status"]) == (200, "paused")


def test_an_order_in_review_may_be_changed(account):
    order = an_order(account)
    app = an_app(account)
    answer = app.patch(f"/orders/{order.public_id}", {"duration_hours": 48, "audience": {"genders": ["female"]}})
    assert answer.status_code == 200, answer.content
    assert (answer.json()["duration_hours"], answer.json()["audience"]["genders"]) == (48, ["female"])
    assert list(wrong_fields(app.patch(f"/orders/{order.public_id}", {"duration_hours": 1000}))) == ["duration_hours"]


def test_a_settled_order_says_what_was_spent_and_what_came_back(account):
    order = settled(charged(a_delivering_order(account=account), 400_500_000))
    body = an_app(account).get(f"/orders/{order.public_id}").json()
    assert (body["status"], body["spent_coins"], body["refunded_coins"]) == ("settled", 400, 600)
    assert body["refunded_at"] is not None
