"""What is not a person's look is never billed, and says why. Judged against lists of our own, not the packages'."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from delivery import addresses, agents, hot, unbilled
from delivery.engine.vocabulary import EVENT_CODES
from delivery.models import HourRollup, UnbilledHour
from tests.builders import NOON, a_delivering_order
from tests.delivery.world import RESERVE, a_token, drained, events_of, looks, paced, redis_lost, sold, spent, told

LISTS = Path(__file__).parent / "lists"


def lines(name):
    return (LISTS / name).read_text().splitlines()


def test_every_agent_of_a_bot_list_is_refused():
    assert [agent for agent in lines("bots.txt") if not agents.is_program(agent)] == []


def test_no_agent_that_people_use_is_refused():
    assert [agent for agent in lines("people.txt") if agents.is_program(agent)] == []


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("52.95.110.1", "data_centre"),
        ("2600:1f18::1", "data_centre"),
        ("::ffff:52.95.110.1", "data_centre"),
        ("88.12.34.56", ""),
        ("49.43.1.2", ""),
        ("10.0.0.7", "private_address"),
        ("::ffff:10.0.0.7", "private_address"),
        ("fe80::1", "private_address"),
        ("300.1.1.1", "invalid_address"),
    ],
)
def test_machines_are_told_from_people_by_where_they_are(address, why):
    assert addresses.why_not_billed(address) == why


def test_a_subscriber_of_ipv6_is_one_line_whatever_the_device():
    assert addresses.line("2a02:8109:1:2::3") == addresses.line("2a02:8109:1:2:ffff::9")
    assert addresses.line("2a02:8109:1:2::3") != addresses.line("2a02:8109:1:3::3")
    assert addresses.line("::ffff:88.12.34.56") == addresses.line("88.12.34.56")


@pytest.fixture
def order():
    order = a_delivering_order()
    paced(order)
    looks(order, 6)
    return order


def reasons(order):
    return list(events_of(order).order_by("at", "token").values_list("reason", flat=True))


@pytest.mark.django_db
def test_a_viewer_who_sees_more_than_a_person_can_is_billed_up_to_that(order, settings):
    settings.VIEWER_IMPRESSIONS_PER_MINUTE = 3
    for second in range(5):
        told(sold(order), now=NOON + timedelta(seconds=second))
    told(sold(order, viewer=4712), now=NOON + timedelta(seconds=5))
    told(sold(order), now=NOON + timedelta(seconds=61))
    drained(order)
    assert reasons(order) == ["", "", "", "viewer_too_fast", "viewer_too_fast", "", ""]
    assert spent(order) == 5 * RESERVE


@pytest.mark.django_db
def test_a_viewer_is_counted_over_all_orders(settings):
    settings.VIEWER_IMPRESSIONS_PER_MINUTE = 2
    first, second = a_delivering_order(), a_delivering_order()
    for one in (first, second):
        paced(one)
        looks(one, 3)
        for _ in range(2):
            told(sold(one))
        drained(one)
    assert (reasons(first), reasons(second)) == (["", ""], ["viewer_too_fast", "viewer_too_fast"])


@pytest.mark.django_db
def test_an_address_that_sends_more_than_its_people_can_is_billed_up_to_that(order, settings):
    settings.ADDRESS_IMPRESSIONS_PER_MINUTE = 2
    for viewer in range(4):
        told(sold(order, viewer=viewer + 100), now=NOON + timedelta(seconds=viewer), address="88.12.34.56")
    told(sold(order, viewer=200), now=NOON + timedelta(seconds=5), address="88.12.34.57")
    drained(order)
    assert reasons(order) == ["", "", "address_too_fast", "address_too_fast", ""]


@pytest.mark.django_db
def test_what_comes_again_to_the_drain_is_not_counted_again(order, settings):
    settings.VIEWER_IMPRESSIONS_PER_MINUTE = 5
    for _ in range(3):
        told(sold(order))
    # The database refuses this one, so that the drain halves the batch until it is alone.
    told(a_token(order, generation=0, viewer=1), visible_ms=2**63)
    for _ in range(2):
        told(sold(order))
    drained(order)
    assert reasons(order) == [""] * 5


@pytest.mark.django_db
def test_losing_the_counts_forgives_a_minute_and_no_more(order, settings):
    settings.VIEWER_IMPRESSIONS_PER_MINUTE = 1
    told(sold(order))
    drained(order)
    hot.client().delete(f"{{haste}}:viewer:{int(NOON.timestamp() // 60)}")
    told(sold(order))
    told(sold(order))
    drained(order)
    assert sorted(reasons(order)) == ["", "", "viewer_too_fast"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("kind", "facts", "reason"),
    [
        ("impression", {"visible_ms": 60_000}, "impossible_time"),
        ("view_2s", {"dwell_ms": 60_000}, "impossible_time"),
        ("view_2s", {"dwell_ms": 1999}, "impossible_time"),
        ("view_2s", {"dwell_ms": 2000}, ""),
        ("view_2s", {}, ""),
        ("view_6s", {"dwell_ms": 5999}, "impossible_time"),
        ("view_6s", {"dwell_ms": 6000}, ""),
        ("view_6s", {"dwell_ms": 6000, "visible_share": 0.49}, "not_half_visible"),
        ("view_2s", {"visible_share": 0.49}, "not_half_visible"),
        ("follow", {"visible_share": 0.0}, ""),
        ("complete", {"dwell_ms": 700}, ""),
    ],
)
def test_nothing_is_watched_for_longer_than_it_has_been_there(order, kind, facts, reason):
    token, then = sold(order), NOON + timedelta(seconds=3)
    if kind != "impression":
        told(token, now=then)
    told(token, kind, now=then, **facts)
    drained(order)
    assert events_of(order).latest("type").reason == reason


@pytest.mark.django_db
@pytest.mark.parametrize("drained_between", [True, False])
def test_a_short_view_is_a_focused_one_where_its_viewer_did_something(order, drained_between):
    token, then = sold(order), NOON + timedelta(seconds=3)
    told(token, now=then)
    told(token, "share", now=then)
    if drained_between:
        drained(order)
    told(token, "view_6s", now=then, dwell_ms=1500)
    told(token, "view_2s", now=then, dwell_ms=1500)
    drained(order)
    by_type = dict(events_of(order).values_list("type", "reason"))
    assert (by_type[EVENT_CODES["view_6s"]], by_type[EVENT_CODES["view_2s"]]) == ("", "impossible_time")


@pytest.mark.django_db
def test_what_is_not_billed_is_summed_by_order_hour_and_reason(order):
    for _ in range(2):
        told(sold(order), agent="Googlebot/2.1")
    token = sold(order)
    told(token)
    told(token, "product_click", agent="Googlebot/2.1")
    told(sold(order), visible_ms=10)
    drained(order)
    rows = UnbilledHour.objects.filter(order=order).order_by("reason")
    assert list(rows.values_list("reason", "impressions", "actions", "price_micros")) == [
        ("bot", 2, 1, 2 * RESERVE),
        ("too_brief", 1, 0, RESERVE),
    ]


@pytest.mark.django_db
def test_what_the_edges_refuse_is_kept_by_order_too(order):
    redis_lost()
    refused = {
        (order.id, "replayed"): 4,
        (order.id, "replayed:a"): 2,
        (order.id, "token_expired"): 1,
        (None, "token_unknown:a"): 3,
    }
    for _ in range(2):
        hot.run(hot.client(), *unbilled.tell(refused, now=NOON.timestamp()))
        unbilled.keep(client=hot.client(), now=NOON + timedelta(minutes=5))
    unbilled.keep(client=hot.client(), now=NOON + timedelta(minutes=50))
    rows = UnbilledHour.objects.filter(order=order).order_by("reason")
    assert list(rows.values_list("reason", "impressions", "actions")) == [("replayed", 8, 4), ("token_expired", 2, 0)]
    assert UnbilledHour.objects.filter(order=None).values_list("reason", "impressions", "actions").get() == (
        "token_unknown",
        0,
        6,
    )


@pytest.mark.django_db
def test_the_share_of_impressions_that_nobody_pays_for_is_known(order, admin_client, static_files):
    redis_lost()
    rollups = {"order": order, "hour": NOON, "dimension": "all", "value": ""}
    HourRollup.objects.create(**rollups, impressions=995)
    for reason, times in {"over_delivery": 2, "order_closed": 1, "token_expired": 5, "bot": 40}.items():
        UnbilledHour.objects.create(order=order, hour=NOON, reason=reason, impressions=times, actions=7)
    UnbilledHour.objects.create(order=order, hour=NOON - timedelta(hours=1), reason="order_closed", impressions=9)
    assert unbilled.free(since=NOON) == (2, 1, 5, 8 / 1000)
    UnbilledHour.objects.filter(reason="over_delivery").update(hour=timezone.now())
    page = admin_client.get("/admin/delivery/shard/").text
    assert "<dt>After the order was closed</dt><dd>0</dd>" in page
    assert "<dt>Over the budget</dt><dd>2</dd>" in page
