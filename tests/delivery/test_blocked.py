"""What ops block is not billed from then on, stays with its reason, and what was billed before can be returned."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, IntegrityError, transaction
from django.test import Client

from delivery import blocked, invalid, sources
from delivery.models import Agent, BlockedSource, ChargeSource, Finding, FoundReason, UnbilledHour
from promote.refusals import Invalid
from tests.builders import NOON, a_delivering_order, a_user, ended
from tests.delivery.edge import PHONE
from tests.delivery.world import RESERVE, drained, events_of, left, looks, paced, sold, spent, told

pytestmark = pytest.mark.django_db
FARM = "Mozilla/5.0 (Linux; Android 12; ClickFarm 7) AppleWebKit/537.36 Chrome/99.0 Mobile Safari/537.36"
LATER = NOON + timedelta(hours=2)


@pytest.fixture
def order():
    order = a_delivering_order()
    paced(order)
    looks(order, 6)
    return order


def a_block(*, now=NOON, **facts):
    plain = {"reason": FoundReason.FRAUD, "note": "seen in support", "by": a_user(), "now": now}
    return blocked.add(**plain, **facts)


def seen(order, *, second=0, **facts):
    now = NOON + timedelta(seconds=second)
    told(sold(order, now=now, viewer=100 + second), now=now, **{"agent": PHONE, "address": "88.12.34.56", **facts})


def reasons(order):
    return list(events_of(order).order_by("at", "token").values_list("reason", flat=True))


@pytest.mark.parametrize(
    ("block", "told", "reason"),
    [
        ({"agent": "clickfarm"}, {"agent": FARM}, "blocked_agent"),
        ({"agent": "Android 12;*Chrome/99"}, {"agent": FARM}, "blocked_agent"),
        ({"agent": "Chrome/99*Android 12"}, {"agent": FARM}, ""),
        ({"agent": "C.ickFarm"}, {"agent": FARM}, ""),
        ({"network": "88.12.34.56"}, {}, "blocked_address"),
        ({"network": "88.12.32.0/20"}, {}, "blocked_address"),
        ({"network": "88.12.32.0/20"}, {"address": "::ffff:88.12.34.56"}, "blocked_address"),
        ({"network": "88.12.48.0/20"}, {}, ""),
        ({"network": "2a02:8109::/32"}, {"address": "2a02:8109:1:2::3"}, "blocked_address"),
        ({"network": "2a02:8109::/32"}, {"address": "2a02:810a::3"}, ""),
        ({"referrer": "clicks.example"}, {"referrer": "https://clicks.example/watch?v=1"}, "blocked_referrer"),
        ({"referrer": "https://Clicks.Example./x"}, {"referrer": "https://a.clicks.example:444"}, "blocked_referrer"),
        ({"referrer": "clicks.example"}, {"referrer": "https://clicks.example.org/clicks.example"}, ""),
        ({"referrer": "clicks.example"}, {"referrer": "https://[not an address"}, ""),
        ({"referrer": "bücher.example"}, {"referrer": "https://xn--bcher-kva.example"}, "blocked_referrer"),
        ({"referrer": "com.farm.app"}, {"referrer": "android-app://com.farm.app"}, "blocked_referrer"),
    ],
)
def test_what_is_blocked_is_kept_with_its_reason_and_not_billed(order, block, told, reason):
    a_block(**block)
    seen(order, **told)
    drained(order)
    assert reasons(order) == [reason]
    assert spent(order) == (0 if reason else RESERVE)
    assert UnbilledHour.objects.filter(order=order, reason="blocked_agent").exists() == (reason == "blocked_agent")


def test_a_network_within_another_leaves_the_wider_one_whole():
    both = blocked.Sources([], ["88.12.0.0/16", "88.12.34.0/24"])
    assert both.has_address("88.12.200.1")
    assert not both.has_address("88.13.0.0")


def test_a_block_ends_when_it_was_to_end_or_is_lifted(order):
    until = a_block(agent="ClickFarm", until=NOON + timedelta(seconds=30))
    lifted = a_block(network="88.12.34.56", now=NOON)
    seen(order, agent=FARM)
    drained(order, now=NOON + timedelta(seconds=1))
    blocked.lift(source_id=lifted.id, by=a_user(), now=NOON + timedelta(seconds=2))
    seen(order, second=40, agent=FARM)
    drained(order, now=NOON + timedelta(seconds=41))
    assert reasons(order) == ["blocked_agent", ""]
    with pytest.raises(blocked.LiftedAlready):
        blocked.lift(source_id=lifted.id, by=a_user(), now=LATER)
    assert BlockedSource.objects.get(id=until.id).lifted_at is None


def test_what_was_billed_since_the_time_that_a_block_looks_back_to_is_returned_once(order):
    for second in range(3):
        seen(order, second=second, agent=FARM if second else PHONE)
    seen(order, second=3, address="88.12.34.99")
    drained(order, now=NOON + timedelta(seconds=4))
    assert spent(order) == 4 * RESERVE
    block = a_block(agent="ClickFarm", since=NOON - timedelta(days=1), now=NOON + timedelta(minutes=1))
    a_block(network="88.12.34.99", now=NOON + timedelta(minutes=1))
    assert invalid.look_back(now=NOON + timedelta(minutes=2)) == 0, "not all of it was told"
    assert [invalid.look_back(now=LATER), invalid.look_back(now=LATER)] == [1, 0]
    assert invalid.give_back_due(now=LATER) == 1
    assert spent(order) == 2 * RESERVE
    finding = Finding.objects.get()
    assert (finding.source, finding.charges.count(), finding.note) == (block, 2, "seen in support")


def test_a_page_that_is_blocked_later_is_found_by_its_host(order):
    for second, page in enumerate(
        ["https://clicks.example/a", "https://b.clicks.example", "https://shop.example", None]
    ):
        seen(order, second=second, referrer=page)
    drained(order, now=NOON + timedelta(seconds=4))
    a_block(referrer="clicks.example", since=NOON - timedelta(days=1), now=NOON + timedelta(minutes=1))
    assert invalid.look_back(now=LATER) == 1
    assert Finding.objects.get().charges.count() == 2


def test_a_finding_may_name_what_is_blocked_in_any_past_time(order):
    for second in range(4):
        seen(order, second=second, address=f"88.12.34.{second}")
    drained(order)
    ended(order, now=NOON + timedelta(minutes=1))
    block = a_block(network="88.12.34.0/31", now=LATER)
    finding = invalid.find(
        reason=FoundReason.FRAUD, since=NOON, until=NOON + timedelta(seconds=1), source=block, by=a_user(), now=LATER
    )
    assert finding.charges.count() == 1
    before = left(order)
    invalid.give_back(finding_id=finding.id, now=LATER)
    assert left(order) == before + RESERVE


def test_where_a_charge_came_from_is_forgotten_in_time_and_of_what_is_not_billed_never_kept(order):
    seen(order, agent=f"{PHONE}\0")
    seen(order, second=1, visible_ms=3)
    told(sold(order, viewer=9), now=NOON + timedelta(seconds=2))
    seen(order, second=3, visible_ms=3, referrer="https://shop.example")
    drained(order)
    source = ChargeSource.objects.get()
    assert bytes(source.address) == bytes(10) + b"\xff\xff" + bytes([88, 12, 34, 56])
    assert Agent.objects.get(id=source.agent).words == PHONE
    assert sources.forget_old(kept_days=35, now=NOON + timedelta(days=35)) == 0
    assert sources.forget_old(kept_days=35, now=NOON + timedelta(days=36)) == 1
    assert not Agent.objects.exists()
    seen(order, second=5)
    drained(order)
    assert ChargeSource.objects.count() == 1


@pytest.mark.parametrize(
    ("facts", "field"),
    [
        ({}, "agent"),
        ({"agent": "ClickFarm", "network": "88.12.34.56"}, "agent"),
        ({"agent": " a*b "}, "agent"),
        ({"network": "88.12.34.56/20"}, "network"),
        ({"network": "the internet"}, "network"),
        ({"network": "88.0.0.0/7"}, "network"),
        ({"network": "2a00::/12"}, "network"),
        ({"network": "88.12.34.56", "referrer": "clicks.example"}, "agent"),
        ({"referrer": "com"}, "referrer"),
        ({"referrer": "every page"}, "referrer"),
        ({"agent": "ClickFarm", "until": NOON}, "until"),
        ({"agent": "ClickFarm", "since": NOON}, "since"),
        ({"agent": "ClickFarm", "note": " "}, "note"),
    ],
)
def test_a_block_that_can_t_be_meant_is_refused_with_what_to_do(facts, field):
    with pytest.raises(Invalid) as refused:
        blocked.add(**{"reason": FoundReason.FRAUD, "note": "seen", "by": a_user(), "now": NOON, **facts})
    assert [error.field for error in refused.value.errors] == [field]


@pytest.mark.parametrize(
    "facts",
    [
        {"agent": "", "network": None},
        {"agent": "ClickFarm", "network": "88.12.34.56"},
        {"agent": "ClickFarm", "referrer": "clicks.example"},
        {"agent": "", "referrer": "com"},
        {"agent": "", "referrer": "Clicks.Example"},
        {"agent": "a*b"},
        {"network": "88.0.0.0/7"},
        {"network": "88.12.34.56/20"},
        {"agent": "ClickFarm", "note": ""},
        {"agent": "ClickFarm", "until": NOON},
    ],
)
def test_the_database_refuses_it_too(facts):
    with pytest.raises(DatabaseError), transaction.atomic():
        BlockedSource.objects.create(**{"reason": "fraud", "note": "seen", "by": a_user(), "at": NOON, **facts})


def test_a_block_is_never_changed_or_deleted():
    block, user = a_block(agent="ClickFarm"), a_user()
    rows = BlockedSource.objects.filter(id=block.id)
    for change in (
        lambda: rows.update(agent="Safari"),
        lambda: rows.update(note="other", lifted_at=NOON, lifted_by=user),
        lambda: rows.update(lifted_at=NOON),
        lambda: rows._raw_delete("default"),
    ):
        with pytest.raises(IntegrityError, match="never changed or deleted"), transaction.atomic():
            change()
    rows.update(lifted_at=NOON, lifted_by=user)
    with pytest.raises(IntegrityError), transaction.atomic():
        rows.update(lifted_at=None, lifted_by=None)


@pytest.mark.usefixtures("static_files")
def test_ops_block_and_lift_in_the_admin_and_are_told_what_is_wrong():
    client = Client()
    client.force_login(a_user(is_staff=True, is_superuser=True))
    page = "/admin/delivery/blockedsource/"
    asked = {"agent": "", "network": "88.12.34.56/20", "reason": "fraud", "note": "seen"}
    assert "has host bits set" in client.post(f"{page}add/", asked).content.decode()
    added = client.post(f"{page}add/", {**asked, "network": "88.12.34.56"}, follow=True).content.decode()
    assert added.count("88.12.34.56/32") > 1, "the message and the list name it"
    block = BlockedSource.objects.get()
    assert (block.network, block.by.is_superuser) == ("88.12.34.56/32", True)
    assert "88.12.34.56/32" in client.get(f"{page}?state=in_force").content.decode()
    assert client.get(f"{page}{block.id}/change/").status_code == 200
    client.post(page, {"action": "lift", "_selected_action": [str(block.id)]})
    assert BlockedSource.objects.get().lifted_at is not None
    again = client.post(page, {"action": "lift", "_selected_action": [str(block.id)]}, follow=True)
    assert "lifted already" in again.content.decode()
