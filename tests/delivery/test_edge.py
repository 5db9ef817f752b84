"""The edge over HTTP: decisions, events, their refusals, and how soon it hears of a change."""

import socket
import time
from datetime import UTC, date, datetime, timedelta
from itertools import chain

import pytest
from django.db.models import Sum

from delivery import drain, entries, funnels, hot, ownership, pacer, rivals, unbilled
from delivery.edge.deciding import ROUNDS
from delivery.engine import tokens
from delivery.engine.tokens import IMPRESSION_LIFE_S, pseudonym
from delivery.engine.vocabulary import EVENT_CODES, UNKNOWN
from delivery.models import Shard, UnbilledHour
from orders import lifecycle
from orders.models import EndReason, Order
from promote import ids
from promote.keys import keyring
from tests.builders import a_delivering_order, a_live, a_video, an_account, an_order
from tests.delivery.edge import ADULT, PHONE, Platform, a_key, action, impression, now_text, until
from tests.delivery.world import a_token, drained, events_of, forgotten, left, reserved, spent, told

OUT_OF_REACH = {"floor_micros": 10**12}


def delivering(**wanted):
    """An order that delivers now, seen by its pacer."""
    order = a_delivering_order(now=datetime.now(UTC), **wanted)
    pacer.pace(shard=order.shard, now=datetime.now(UTC))
    return order


def filled(platform, **asked):
    """The first decision that is filled, of several viewers."""
    return until(lambda: next((one for one in platform.decisions(**asked) if "token" in one), None))


def listed(platform, *orders):
    """Waits until the edge knows the orders and their price, without anything being sold."""
    names = {order.public_id for order in orders}

    def known() -> bool:
        lines = platform.decide(slots=[OUT_OF_REACH], explain=True).json()["explain"]
        return names <= {line["order"] for line in lines if "mu" in line}

    until(known)


def test_who_asked_of_late_is_told_to_forecasts_and_what_is_bid_for_them(platform):
    order = delivering()
    listed(platform, order)
    for number in range(3):
        platform.decide([{"floor_micros": 1}], viewer={**ADULT, "id": f"v{number}", "gender": "male"})

    def told():
        return [one for one in rivals.of(["US"]) if (one.gender, one.floor) == ("male", 1)]

    until(told, seconds=30)
    assert told()[0].bids[0][1] == pytest.approx(order.ends_at.timestamp())


def test_a_viewer_is_shown_an_order_and_the_impression_is_charged(platform):
    order = delivering()
    decision = filled(platform)
    assert decision["order"] == order.public_id
    assert decision["target"] == order.target.public_id
    assert decision["price_micros"] == 2000
    token = decision["token"]
    assert platform.results(impression(token), action(token, "view_2s")) == ["accepted", "accepted"]
    drained(order, now=datetime.now(UTC))
    assert spent(order) == 2000
    assert [event.type for event in events_of(order).order_by("type")] == [0, 1]


def test_each_event_counts_once(platform):
    order = delivering()
    token = filled(platform)["token"]
    assert platform.results(*[impression(token)] * 3, action(token, "follow"), action(token, "follow")) == [
        "accepted",
        "duplicate",
        "duplicate",
        "accepted",
        "duplicate",
    ]
    assert platform.results(impression(token)) == ["duplicate"]
    drained(order, now=datetime.now(UTC))
    assert spent(order) == 2000


@pytest.mark.parametrize("viewer", [{"age_band": None}, {"age_band": "13-17"}, {"age_band": "55"}])
def test_who_may_be_a_minor_is_shown_nothing(platform, viewer):
    delivering()
    filled(platform)
    assert platform.decisions(2, viewer={**ADULT, **viewer}) == [
        {"slot": 0, "no_fill": "age_unknown"},
        {"slot": 1, "no_fill": "age_unknown"},
    ]


def test_a_minor_is_shown_nothing_whatever_the_age_band_says(platform):
    delivering()
    filled(platform)
    assert platform.decisions(viewer={**ADULT, "is_minor": True}) == [{"slot": 0, "no_fill": "minor"}]


def test_who_does_not_fit_is_not_shown_the_order(platform):
    order = delivering(audience={"countries": ["GB"], "age_bands": ["25-34"], "genders": ["female"]})
    fits = {**ADULT, "country": "GB"}
    assert filled(platform, viewer=fits)["order"] == order.public_id
    for other in ({"country": "US"}, {"country": None}, {"age_band": "35-44"}, {"gender": "male"}, {"gender": None}):
        assert platform.decisions(viewer={**fits, **other}) == [{"slot": 0, "no_fill": "no_match"}]
    assert platform.decisions(viewer=fits, surface="live") == [{"slot": 0, "no_fill": "no_match"}]


@pytest.mark.parametrize("told", [{"consent": False}, {"limited_tracking": True}])
def test_who_limits_tracking_is_shown_what_is_for_anybody_and_forgotten_with_the_day(platform, told):
    order = delivering()
    for_women, for_fans = (delivering(audience={"genders": ["female"]}), delivering(audience={"interests": ["music"]}))
    limited = {**ADULT, **told}
    assert filled(platform, exclude=[order.public_id, for_fans.public_id])["order"] == for_women.public_id
    assert filled(platform, exclude=[order.public_id, for_women.public_id])["order"] == for_fans.public_id
    assert platform.decisions(viewer=limited, exclude=[order.public_id]) == [{"slot": 0, "no_fill": "no_match"}]
    assert platform.decisions(viewer={**limited, "is_minor": True}) == [{"slot": 0, "no_fill": "minor"}]
    assert "token" not in platform.decisions(viewer={**limited, "id": order.account.public_id})[0]
    token = filled(platform, viewer=limited)["token"]
    assert platform.results(impression(token, viewer=ADULT["id"])) == ["accepted"]
    drained(order, now=datetime.now(UTC))
    [kept] = events_of(order)
    secret = keyring.from_settings().current(ownership.PURPOSE).secret
    assert kept.viewer == pseudonym(secret, ADULT["id"], day=(kept.day - date(1970, 1, 1)).days)
    assert (kept.gender, kept.charged) == (UNKNOWN, True)


def test_who_says_yes_or_nothing_is_the_same_person_tomorrow(platform):
    order = delivering()
    told = [{}, {"consent": True, "limited_tracking": False}, {"consent": None}]
    for more in told:
        assert platform.results(impression(filled(platform, viewer={**ADULT, **more})["token"])) == ["accepted"]
    drained(order, now=datetime.now(UTC))
    secret = keyring.from_settings().current(ownership.PURPOSE).secret
    assert [(one.viewer, one.gender) for one in events_of(order)] == [(pseudonym(secret, ADULT["id"]), 0)] * 3


def test_nobody_is_shown_the_own_content(platform):
    order = delivering()
    filled(platform)
    for name in (order.account.external_id, order.account.public_id):
        assert platform.decisions(viewer={**ADULT, "id": name}) == [{"slot": 0, "no_fill": "no_match"}]


def test_what_the_platform_excludes_is_not_shown(platform):
    order = delivering()
    filled(platform)
    for name in (order.public_id, order.target.public_id, order.account.public_id):
        assert platform.decisions(exclude=[name]) == [{"slot": 0, "no_fill": "no_match"}]


def test_one_advertiser_stands_once_on_a_page(platform):
    account = an_account()
    for _ in range(2):
        delivering(account=account, target=a_video(account))
    filled(platform)
    answers = platform.decisions(3)
    assert [("token" in one) for one in answers] == [True, False, False]
    assert answers[1]["no_fill"] == "no_match"


def test_a_slot_that_is_sold_again_goes_to_no_advertiser_who_has_another(platform):
    account = an_account()
    twins = [delivering(account=account, target=a_video(account)) for _ in range(2)]
    rival = delivering()
    listed(platform, rival, *twins)
    generation = Shard.objects.get(id=rival.shard).generation
    hot.client().hset(hot.order_key(rival.shard, generation, rival.id), "free", 0)
    rates = {twin.target.public_id: {"view_2s": 0.5} for twin in twins} | {rival.target.public_id: {"view_2s": 0.9}}
    first, second = platform.decisions(2, rates=rates)
    assert first == {"slot": 0, "no_fill": "paced"}, "it was the rival's, who has nothing released"
    assert second["order"] in {twin.public_id for twin in twins}


def test_a_rival_sets_the_price(platform):
    listed(platform, delivering(), delivering())
    prices = [one["price_micros"] for _ in range(10) for one in platform.decisions() if "token" in one]
    assert min(prices) >= 2000
    assert max(prices) > 2000


def test_the_floor_is_the_least_that_is_paid_and_above_every_bid_nothing_is_shown(platform):
    listed(platform, delivering())
    # A new order's rate is drawn, so that it does not bid at every draw.
    until(lambda: platform.decisions(slots=[OUT_OF_REACH]) == [{"slot": 0, "no_fill": "below_floor"}])
    assert filled(platform, slots=[{"floor_micros": 2500}])["price_micros"] == 2500


def test_each_empty_slot_says_what_it_lacked_itself(platform):
    listed(platform, delivering())

    def answers():
        found = platform.decisions([OUT_OF_REACH, {}, {}])
        return found if "token" in found[1] else None

    first, _sold, last = until(answers)
    assert first == {"slot": 0, "no_fill": "below_floor"}
    assert last == {"slot": 2, "no_fill": "no_match"}, "the only advertiser stands on the page"


def test_the_platforms_own_predictions_are_taken(platform):
    low, high = delivering(), delivering()
    listed(platform, low, high)
    rates = {low.target.public_id: {"view_2s": 0.26}, high.target.public_id: {"view_2s": 0.9}}
    won = [one["order"] for _ in range(5) for one in platform.decisions(rates=rates) if "token" in one]
    assert set(won) == {high.public_id}


def test_a_live_on_air_delivers_while_it_is_reviewed(platform):
    account = an_account(country="GB")
    order = an_order(account, a_live(account), now=datetime.now(UTC))
    pacer.pace(shard=order.shard, now=datetime.now(UTC))
    decision = filled(platform, viewer={**ADULT, "country": "GB"}, surface="live")
    assert decision["target"] == order.live.public_id


def test_approval_is_seen_and_an_end_too_within_a_second(platform):
    """The best of three, since this machine may be busy with other tests."""
    seen, gone = [], []
    for _ in range(3):
        order = delivering()
        began = time.monotonic()
        filled(platform)
        seen.append(time.monotonic() - began)
        lifecycle.end(order_id=order.id, reason=EndReason.SUSPENDED, by=None, now=datetime.now(UTC))
        began = time.monotonic()
        until(lambda: platform.decisions() == [{"slot": 0, "no_fill": "no_match"}])
        gone.append(time.monotonic() - began)
    assert min(seen) < 1.0, seen
    assert min(gone) < 1.0, gone


def test_tokens_that_are_not_ours_or_over_are_refused_each_by_itself(platform):
    order = delivering()
    token = filled(platform)["token"]
    forged = token[:-6] + ("AAAAAA" if not token.endswith("AAAAAA") else "BBBBBB")
    assert platform.results(
        impression(forged),
        impression("nonsense"),
        {"token": token},
        action(token, "bought_everything"),
        impression(token, order="ord_" + "0" * 32),
        action(token, "follow", order="ord_" + "0" * 32),
        impression(token, at="2099-01-01T00:00:00Z"),
        impression(token, visible_share=7),
        7,
        action(token, "view_2s"),
        impression(token),
    ) == [
        "token_unknown",
        "token_unknown",
        "invalid",
        "type_unknown",
        "token_of_another_order",
        "token_of_another_order",
        "at_in_the_future",
        "invalid",
        "invalid",
        "no_impression",
        "accepted",
    ]

    def kept():
        unbilled.keep(client=hot.client(), now=datetime.now(UTC))
        sums = UnbilledHour.objects.values("reason", "order_id").annotate(Sum("impressions"), Sum("actions"))
        return {(row["reason"], row["order_id"]): (row["impressions__sum"], row["actions__sum"]) for row in sums}

    # Each is counted, actions apart from impressions; with its order where that is known.
    expected = {
        ("token_of_another_order", order.id): (1, 1),
        ("at_in_the_future", order.id): (1, 0),
        ("before_impression", order.id): (0, 1),
    }
    until(lambda: expected.items() <= kept().items())
    assert kept()["token_unknown", None][0] >= 2
    assert kept()["type_unknown", None][1] >= 1


def test_events_of_a_device_are_judged_by_its_own_address_and_agent(platform, edge):
    order = delivering()
    device = Platform(edge)
    device.http.headers["User-Agent"] = PHONE
    told = [impression(filled(platform)["token"], address="203.0.114.7")]
    assert device.results(*told) == ["accepted"]
    assert platform.results(impression(filled(platform)["token"], user_agent="Googlebot/2.1")) == ["accepted"]
    drained(order, now=datetime.now(UTC))
    assert sorted(event.reason for event in events_of(order)) == ["bot", "private_address"]
    assert spent(order) == 0


def test_the_page_that_events_come_from_is_that_of_the_device_or_what_the_platform_says(platform, edge):
    order, device = delivering(), Platform(edge)
    innocent = "https://innocent.example"
    for page in ({"referer": "https://clicks.example/x"}, {"origin": "https://a.clicks.example"}, {}):
        device.http.headers.update({"referer": "", "origin": ""} | page)
        assert device.results(impression(filled(platform)["token"], referrer=innocent)) == ["accepted"]
    platform.http.headers["referer"] = innocent
    facts = {"referrer": "https://clicks.example", "country": "CA", "device": "d-1"}
    assert platform.results(impression(filled(platform)["token"], **facts)) == ["accepted"]
    generation = Shard.objects.get(id=order.shard).generation
    told = entries.read(drain.fetch(shard=order.shard, after=drain.Position(generation, "0-0"))).told
    pages = ["https://clicks.example/x", "https://a.clicks.example", None, "https://clicks.example"]
    assert [one.referrer for one in told] == pages
    assert [one.country for one in told] == [None, None, None, "CA"]
    assert [bool(one.device) for one in told] == [False, False, False, True]
    assert told[3].device != told[3].viewer


def test_only_a_key_with_the_scope_may_decide(platform, edge):
    assert Platform(edge).decide().json()["code"] == "not_authenticated"
    assert Platform(edge, "pk_unknown_key").decide().status_code == 401
    other = Platform(edge, a_key("catalogue")).decide()
    assert (other.status_code, other.json()["code"]) == (403, "not_allowed")
    plain = Platform(edge, a_key("delivery"))
    assert plain.decide().status_code == 200
    assert plain.decide(explain=True).status_code == 403
    assert Platform(edge, a_key("catalogue")).tell(impression("x")).status_code == 403


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"", ""),
        (b"{", ""),
        (b"[]", ""),
        (b"\xff\xfe", ""),
        (b'{"viewer": {"id": "v"}, "surface": "feed"}', "slots"),
        (b'{"viewer": {"id": "v"}, "surface": "feed", "slots": []}', "slots"),
        (b'{"viewer": {"id": ""}, "surface": "feed", "slots": [{}]}', "viewer.id"),
        (b'{"viewer": {"id": 7}, "surface": "feed", "slots": [{}]}', "viewer.id"),
        (b'{"viewer": {"id": "v"}, "surface": "sky", "slots": [{}]}', "surface"),
        (b'{"viewer": {"id": "v"}, "surface": "feed", "slots": [{"floor_micros": -1}]}', "slots.0.floor_micros"),
        (b'{"viewer": {"id": "v"}, "surface": "feed", "slots": [{"floor_micros": 1e400}]}', "slots.0.floor_micros"),
        (b'{"viewer": {"id": "v", "age_band": []}, "surface": "feed", "slots": [{}]}', "viewer.age_band"),
        (b'{"viewer": {"id": "v"}, "surface": "feed", "slots": [{}], "rates": {"t": {"a": 2}}}', "rates"),
    ],
)
def test_a_bad_question_names_the_field(platform, body, field):
    answer = platform.http.post("/v1/decide", content=body)
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
    problem = answer.json()
    assert problem["code"] == "invalid"
    assert problem["errors"][0]["field"].startswith(field)


def test_bodies_have_bounds(platform):
    assert platform.http.post("/v1/decide", content=b" " * 300_000).status_code == 413
    too_many = platform.tell(*[{"token": "x", "type": "impression"}] * 1001)
    assert (too_many.status_code, too_many.json()["errors"][0]["code"]) == (400, "too_many")
    assert platform.tell().status_code == 400
    assert platform.http.get("/v1/decide").status_code == 405
    assert platform.http.get("/v1/nothing").json()["code"] == "not_found"


def test_a_shard_without_its_generation_decides_nothing_until_it_has_the_next(platform):
    order = delivering()
    token = filled(platform)["token"]
    generation = Shard.objects.get(id=order.shard).generation
    hot.client().flushdb()
    until(lambda: "no_fill" in platform.decisions()[0], seconds=1)
    pacer.pace(shard=order.shard, now=datetime.now(UTC))
    assert Shard.objects.get(id=order.shard).generation == generation + 1
    assert platform.results(impression(token)) == ["accepted"]
    later = filled(platform)["token"]
    assert platform.results(impression(later), impression(token)) == ["accepted", "duplicate"]
    drained(order, now=datetime.now(UTC))
    assert spent(order) == 4000


def test_an_action_counts_for_days_after_redis_has_forgotten_its_token(platform):
    order, now = delivering(), datetime.now(UTC)
    asked = now - timedelta(hours=3)
    shown, left_out = (a_token(order, now=asked) for _ in range(2))
    reserved(shown)
    told(shown, now=asked)
    forgotten(shown)
    texts = [tokens.seal(keyring.from_settings(), token) for token in (shown, left_out)]
    assert platform.results(*(action(text, "share") for text in texts)) == ["accepted", "accepted"]
    assert platform.results(impression(texts[0])) == ["token_expired"]
    drained(order, now=now)
    reasons = {event.token: event.reason for event in events_of(order, type=EVENT_CODES["share"])}
    assert reasons == {shown.id: "", left_out.id: "no_impression"}


@pytest.mark.parametrize(
    ("kind", "days"), [("view_2s", 1), ("view_6s", 1), ("complete", 1), ("website_visit", 7), ("follow", 7)]
)
def test_views_count_for_a_day_and_what_else_a_viewer_does_for_a_week(platform, kind, days):
    order, minute = delivering(), timedelta(minutes=1)
    over = datetime.now(UTC) - timedelta(days=days, seconds=IMPRESSION_LIFE_S)
    texts = [
        tokens.seal(keyring.from_settings(), a_token(order, now=asked, generation=0))
        for asked in (over + minute, over - minute)
    ]
    assert platform.results(*(action(text, kind) for text in texts)) == ["accepted", "token_expired"]


def test_ops_can_see_where_each_order_went(platform):
    fits, other = delivering(), delivering(audience={"countries": ["GB"]})

    def explained():
        answer = platform.decide(explain=True).json()
        stages = {line["order"]: line["stage"] for line in answer["explain"]}
        return (answer, stages) if stages.keys() == {fits.public_id, other.public_id} else None

    filled(platform)
    answer, stages = until(explained)
    assert stages[fits.public_id] == "shown in slot 0"
    assert stages[other.public_id] == "not_for_this_country"
    line = next(line for line in answer["explain"] if line["order"] == fits.public_id)
    assert line["bid_micros"] >= 2000


def test_ops_can_ask_for_one_order_alone(platform):
    delivering()
    other = delivering(audience={"countries": ["GB"]})

    def explained(order):
        body = {"viewer": ADULT, "surface": "feed", "slots": [{}]}
        answer = platform.http.post("/v1/decide", json=body, params={"explain": 1, "order": order})
        return [(line["order"], line["stage"]) for line in answer.json()["explain"]]

    asked = other.public_id
    until(lambda: explained(asked) == [(asked, "not_for_this_country")])
    gone = ids.public("ord", ids.new())
    assert explained(gone) == [(gone, "not_live")]


def test_a_viewer_sees_one_order_so_often_a_day_and_no_more(platform):
    order = delivering(budget_coins=10_000)
    filled(platform)
    now = datetime.now(UTC)
    shown = 1
    for _ in range(100):
        now += timedelta(seconds=1)
        pacer.pace(shard=order.shard, now=now)
        [answer] = platform.decisions()
        shown += "token" in answer
        if answer.get("no_fill") == "capped":
            break
    assert shown == 30
    assert filled(platform, viewer={**ADULT, "id": "viewer-2"})


def test_who_has_seen_many_orders_often_enough_is_shown_the_next_one(platform):
    orders = [delivering() for _ in range(6)]
    listed(platform, *orders)
    secret = keyring.from_settings().current(ownership.PURPOSE).secret
    *seen, left_over = orders
    for order in seen:
        hot.client().hset(hot.caps_key(order.shard, pseudonym(secret, ADULT["id"])), order.id.bytes, 30)
    for _ in range(5):
        [answer] = platform.decisions()
        assert answer.get("order") == left_over.public_id
    # One that is shown for the thirtieth time on this very page is shown, and not capped.
    for _ in range(8):
        hot.client().hset(hot.caps_key(left_over.shard, pseudonym(secret, ADULT["id"])), left_over.id.bytes, 29)
        answers = platform.decisions(2)
        assert {one.get("order", one.get("no_fill")) for one in answers} == {left_over.public_id, "capped"}

    def stages():
        minutes = [int(time.time() // 60) - ago for ago in range(3)]
        return funnels.read(hot.client(), order=left_over.id, shard=left_over.shard, minutes=minutes)

    assert until(lambda: (found := stages())["shown"] == 13 and found)["capped"] == 0
    told = platform.decide(explain=True, exclude=[left_over.public_id]).json()
    assert told["decisions"] == [{"slot": 0, "no_fill": "capped"}]
    assert {line["order"]: line["stage"] for line in told["explain"] if line["stage"] == "capped"} == {
        order.public_id: "capped" for order in seen
    }


def test_a_shard_that_is_lost_hides_none_of_another(platform):
    by_shard: dict[int, list[Order]] = {}
    while len(by_shard) < 2 or max(map(len, by_shard.values())) < ROUNDS + 1:
        order = delivering()
        by_shard.setdefault(order.shard, []).append(order)
    *others, lost = sorted(by_shard.values(), key=len)
    left_over, *more = chain.from_iterable(others)
    listed(platform, *lost, left_over, *more)
    hot.client().incr(hot.generation_key(lost[0].shard))
    for _ in range(20):
        [answer] = platform.decisions(exclude=[order.public_id for order in more])
        assert answer.get("order") == left_over.public_id


def test_who_was_not_tried_is_not_told_to_be_below_the_floor(platform):
    orders = [delivering() for _ in range(ROUNDS + 2)]
    listed(platform, *orders)
    generations = dict(Shard.objects.values_list("id", "generation"))
    for order in orders:
        hot.client().hset(hot.order_key(order.shard, generations[order.shard], order.id), "free", 0)
    assert platform.decisions() == [{"slot": 0, "no_fill": "paced"}]


def test_what_was_sold_to_who_hung_up_is_given_back(platform):
    order = delivering()
    filled(platform)
    where = {"shard": order.shard, "generation": Shard.objects.get(id=order.shard).generation}
    secret = keyring.from_settings().current(ownership.PURPOSE).secret
    sold = funnels.stage_fields(order.id.hex)["shown"]
    minutes = [int(time.time() // 60) + after for after in range(-1, 3)]

    def reserved_micros() -> int:
        return hot.counters(hot.client(), **where, orders=[order.id])[order.id].reserved

    def times_sold() -> int:
        found = [hot.client().hget(hot.funnel_key(order.shard, minute), sold) for minute in minutes]
        return sum(int(times or 0) for times in found)

    def hung_up_and_sold() -> bool:
        hang_up_on(platform)
        return times_sold() > 1

    assert reserved_micros() == 2000
    # Of several processes one may not have heard of the order yet: it is asked until one sold it.
    until(hung_up_and_sold, seconds=20, every=0.5)
    until(lambda: reserved_micros() == 2000)
    assert hot.client().hvals(hot.caps_key(order.shard, pseudonym(secret, ADULT["id"]))) == [b"1"]


def hang_up_on(platform):
    """Asks for a decision, and is gone before Redis, which rests for a second, has answered the edge."""
    hot.client().client_pause(1000, target_nodes="all")
    asked = platform.http.build_request("POST", "/v1/decide", json={"viewer": ADULT, "surface": "feed", "slots": [{}]})
    with socket.create_connection((asked.url.host, asked.url.port)) as hurried:
        head = "".join(f"{name}: {value}\r\n" for name, value in asked.headers.items())
        hurried.sendall(f"POST /v1/decide HTTP/1.1\r\n{head}\r\n".encode() + asked.read())


def test_a_page_may_send_events_from_another_origin(platform):
    answer = platform.http.options("/v1/events", headers={"Origin": "https://app.example"})
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == "*"
    assert now_text()


def test_budgets_hold_when_everybody_tells_at_once(platform, edge):
    from concurrent.futures import ThreadPoolExecutor

    order = delivering()
    tokens = [filled(platform)["token"] for _ in range(5)]
    tellers = [Platform(edge, a_key()) for _ in range(4)]
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda n: tellers[n % 4].results(*map(impression, tokens)), range(24)))
    assert sum(answer.count("accepted") for answer in answers) == 5
    drained(order, now=datetime.now(UTC))
    assert left(order) == order.cost_micros - 5 * 2000
