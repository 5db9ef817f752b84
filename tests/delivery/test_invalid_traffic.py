"""What is not a person's look is never billed, and says why. Judged against lists of our own, not the packages'."""

import inspect
import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from delivery import addresses, agents, drain, hot, ownership, staff, unbilled
from delivery.batch import REASONS
from delivery.edge import telling
from delivery.engine.tokens import pseudonym
from delivery.engine.vocabulary import EVENT_CODES, UNKNOWN
from delivery.models import HourRollup, StaffViewer, UnbilledHour, UnbilledReason
from orders.models import Order
from promote.front.words import UNBILLED
from promote.keys import keyring
from tests.builders import NOON, a_delivering_order, a_user
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
    return list(events_of(order).order_by("at", "token", "type").values_list("reason", flat=True))


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
def test_a_device_that_shows_more_than_a_person_can_look_at_is_billed_up_to_that_whoever_signs_in(order, settings):
    settings.DEVICE_IMPRESSIONS_PER_MINUTE = 2
    for viewer in range(4):
        told(sold(order, viewer=viewer + 100), now=NOON + timedelta(seconds=viewer), device=77)
    told(sold(order, viewer=200), now=NOON + timedelta(seconds=5), device=78)
    told(sold(order, viewer=201), now=NOON + timedelta(seconds=6))
    drained(order)
    assert reasons(order) == ["", "", "device_too_fast", "device_too_fast", "", ""]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("who", "reason"),
    [
        ({"country": "US", "age_band": 0, "gender": 1}, ""),
        ({"country": "CA", "age_band": 0, "gender": 1}, ""),
        ({"country": "GB", "age_band": 0, "gender": 1}, "not_targeted"),
        ({"country": "US", "age_band": 2, "gender": 1}, "not_targeted"),
        ({"country": "US", "age_band": 0, "gender": 0}, "not_targeted"),
        ({"country": "US", "age_band": 0, "gender": UNKNOWN}, "not_targeted"),
    ],
)
def test_who_is_not_targeted_any_more_when_the_impression_comes_is_not_billed(order, who, reason):
    token = sold(order, **who)
    Order.objects.filter(id=order.id).update(
        audience={"countries": ["CA", "US"], "age_bands": ["18-24", "55+"], "genders": ["male"]}
    )
    told(token)
    drained(order)
    assert (reasons(order), spent(order)) == ([reason], 0 if reason else RESERVE)


@pytest.mark.django_db
def test_an_audience_that_names_nobody_is_everybody_of_its_market(order):
    for who in ({"gender": UNKNOWN}, {"age_band": 4}, {"country": "CA"}):
        told(sold(order, **who))
    drained(order)
    assert sorted(reasons(order)) == ["", "", "not_targeted"]


@pytest.mark.django_db
def test_where_the_viewer_is_by_now_is_asked_of_impressions_alone(order):
    for second, country in enumerate(["US", "GB", None, "nowhere"]):
        token, then = sold(order), NOON + timedelta(seconds=second)
        told(token, now=then, country=country)
        told(token, "follow", now=then, country="GB")
    drained(order)
    by_type = events_of(order).order_by("type", "at").values_list("reason", flat=True)
    assert list(by_type) == ["", "not_targeted", "", "not_targeted"] + [""] * 4


@pytest.mark.django_db
def test_staff_look_and_nobody_pays(order):
    name, key = "reviewer-7", keyring.from_settings().current(ownership.PURPOSE).secret
    today = int(NOON.timestamp()) // 86_400
    before = sold(order, viewer=pseudonym(key, name))
    told(before)
    drained(order)
    staff.add(name=f" {name} ", note="at the review desk", by=a_user(), now=NOON)
    told(sold(order, viewer=pseudonym(key, name)))
    told(sold(order, viewer=pseudonym(key, name, day=today)))
    told(sold(order, viewer=1), viewer=pseudonym(key, name))
    told(sold(order, viewer=pseudonym(key, "somebody else")))
    drained(order)
    assert sorted(reasons(order)) == ["", "", "staff", "staff", "staff"]
    assert spent(order) == 2 * RESERVE


@pytest.mark.django_db
def test_who_looks_for_us_is_written_down_in_the_admin(admin_client, static_files):
    page = "/admin/delivery/staffviewer/"
    assert "This field is required." in admin_client.post(f"{page}add/", {"name": "r-7", "note": " "}).text
    added = admin_client.post(f"{page}add/", {"name": "r-7", "note": "Ann, review"}, follow=True).text
    assert added.count("r-7") > 1, "the message and the list name it"
    again = admin_client.post(f"{page}add/", {"name": "r-7", "note": "Ann, review"}).text
    assert "known as staff already" in again
    viewer = StaffViewer.objects.get()
    assert viewer.by.is_superuser
    admin_client.post(f"{page}{viewer.id}/delete/", {"post": "yes"})
    assert not StaffViewer.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(("limit", "before", "after", "too_fast"), [(5, 3, 2, 0), (3, 4, 4, 5)])
def test_what_comes_again_to_the_drain_in_halves_is_counted_once(order, settings, limit, before, after, too_fast):
    settings.VIEWER_IMPRESSIONS_PER_MINUTE = limit
    for _ in range(before):
        told(sold(order))
    # The database refuses this one, so that the drain halves the batch until it is alone.
    told(a_token(order, generation=0, viewer=1), visible_ms=2**63)
    for _ in range(after):
        told(sold(order))
    drained(order)
    assert sorted(reasons(order)) == [""] * limit + ["viewer_too_fast"] * too_fast


@pytest.mark.django_db
def test_what_a_killed_drain_had_counted_is_not_counted_again_with_what_came_meanwhile(order, settings, monkeypatch):
    settings.VIEWER_IMPRESSIONS_PER_MINUTE = 5
    for _ in range(4):
        told(sold(order))

    class Killed(BaseException):
        pass

    def dies(*_arguments):
        raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(drain, "_write", dies)
        drained(order)
    for _ in range(2):
        told(sold(order))
    drained(order)
    assert sorted(reasons(order)) == [""] * 5 + ["viewer_too_fast"]


@pytest.mark.django_db
@pytest.mark.parametrize("comes", ["along", "later"])
def test_what_follows_an_impression_that_nobody_looked_at_is_no_result(order, settings, comes):
    settings.VIEWER_IMPRESSIONS_PER_MINUTE = 2
    tokens = [sold(order) for _ in range(5)]
    for token in tokens:
        told(token)
    if comes == "later":
        drained(order)
    for token in tokens:
        told(token, "follow")
    drained(order)
    follows = events_of(order).filter(type=EVENT_CODES["follow"])
    assert sorted(one.reason for one in follows) == ["", "", *["viewer_too_fast"] * 3]
    assert HourRollup.objects.get(order=order, dimension="all").follow == 2


@pytest.mark.django_db
@pytest.mark.parametrize("comes", ["along", "later"])
def test_who_looked_too_briefly_to_be_billed_may_have_acted_all_the_same(order, comes):
    token = sold(order)
    told(token, visible_ms=10)
    if comes == "later":
        drained(order)
    told(token, "follow")
    drained(order)
    assert reasons(order) == ["too_brief", ""]


@pytest.mark.django_db
@pytest.mark.parametrize("comes", ["along", "later"])
@pytest.mark.parametrize(("after_ms", "reason"), [(99, "impossible_time"), (100, "")])
def test_no_finger_is_faster_than_a_tenth_of_a_second(order, comes, after_ms, reason):
    token, then = sold(order), NOON + timedelta(seconds=3)
    shown_at = NOON + timedelta(seconds=2)
    told(token, now=then, at=shown_at)
    if comes == "later":
        drained(order)
    told(token, "product_click", now=then, at=shown_at + timedelta(milliseconds=after_ms))
    drained(order)
    assert reasons(order) == ["", reason]


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
        ("view_6s", {}, "impossible_time"),
        ("view_6s", {"dwell_ms": 6000}, "impossible_time"),
        ("impression", {"visible_ms": 6000}, "impossible_time"),
        ("view_6s", {"dwell_ms": 5999}, "impossible_time"),
        ("view_2s", {"dwell_ms": 2000, "visible_share": 0.49}, "not_half_visible"),
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
@pytest.mark.parametrize("facts", [{}, {"dwell_ms": 6000}, {"dwell_ms": 8000}])
def test_a_focused_view_that_had_the_time_counts(order, facts):
    token = sold(order)
    told(token, now=NOON + timedelta(seconds=2))
    told(token, "view_6s", now=NOON + timedelta(seconds=7), **facts)
    drained(order)
    assert reasons(order) == ["", ""]


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


def test_every_reason_of_an_impression_is_told_its_owner_in_words():
    assert set(REASONS) - {"", "no_impression"} == set(UNBILLED)


def test_ops_read_in_words_why_an_event_is_not_billed():
    refused = re.findall(r'Refused\("(\w+)", event', inspect.getsource(telling))
    given = {*REASONS, *refused, *telling._KEPT_AS.values()} - {""}
    assert given == set(UnbilledReason.values)
