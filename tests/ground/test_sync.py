"""The platform's word: taken once, in order, and told to the rooms above."""

from datetime import UTC, datetime, timedelta

import pytest

from promote.accounts.models import Account
from promote.catalogue import sync
from promote.catalogue.models import Video
from promote.outbox.models import Message
from promote.outbox.relay import relay
from promote.refusals import Invalid
from tests import builders

T0 = datetime(2026, 11, 24, 12, tzinfo=UTC)
pytestmark = pytest.mark.django_db


def put_video(account, *, at=T0, **changes):
    facts = {
        "external_id": "v-1",
        "account": account.external_id,
        "caption": "Batik tulis from Pekalongan",
        "visibility": "public",
        "status": "active",
        "duration_s": 21,
        "updated_at": at,
        "music": sync.Music("Gamelan", "commercial"),
    }
    return sync.put_video(**{**facts, **changes})


def test_the_same_update_twice_is_one_video_and_one_revision():
    account = builders.an_account()
    assert put_video(account).outcome == "created"
    again = put_video(account)
    assert (again.outcome, again.row.revision, Video.objects.count()) == ("updated", 1, 1)
    assert not Message.objects.filter(topic="target_changed").exists()


def test_an_older_update_changes_nothing():
    account = builders.an_account()
    put_video(account, at=T0, caption="new")
    late = put_video(account, at=T0 - timedelta(seconds=1), caption="old", visibility="private")
    assert late.outcome == "stale"
    video = Video.objects.get()
    assert (video.caption, video.visibility) == ("new", "public")


@pytest.mark.parametrize(
    "change",
    [
        {"caption": "Another caption"},
        {"cover_url": "https://cdn.example/cover.jpg"},
        {"music": sync.Music("Gamelan", "original", own_sound=True)},
        {"anchor": sync.Anchor("p-1", "Batik scarf", 25_000_000, "IDR", "https://shop.example/scarf")},
    ],
)
def test_what_a_reviewer_looks_at_makes_a_new_revision_when_it_changes(change):
    account = builders.an_account()
    put_video(account)
    changed = put_video(account, at=T0 + timedelta(seconds=5), **change)
    assert changed.row.revision == 2


def test_a_change_of_visibility_is_told_but_is_no_new_revision():
    account = builders.an_account()
    put_video(account)
    assert put_video(account, at=T0 + timedelta(seconds=5), visibility="private").row.revision == 1
    message = Message.objects.get(topic="target_changed")
    assert message.payload["changed"] == ["visibility"]


def test_a_product_sold_out_is_told_for_every_video_it_stands_in():
    account = builders.an_account(country="ID")
    anchor = sync.Anchor("p-1", "Batik scarf", 25_000_000, "IDR", "https://shop.example/scarf")
    first = put_video(account, anchor=anchor).row
    second = put_video(account, external_id="v-2", anchor=anchor).row
    sold_out = sync.Anchor("p-1", "Batik scarf", 25_000_000, "IDR", "https://shop.example/scarf", in_stock=False)
    put_video(account, at=T0 + timedelta(seconds=5), anchor=sold_out)
    told = {
        m.payload["target"]
        for m in Message.objects.filter(topic="target_changed")
        if "in_stock" in m.payload["changed"]
    }
    assert told == {first.public_id, second.public_id}


def test_a_video_of_an_unknown_account_is_refused_by_the_field():
    with pytest.raises(Invalid) as refused:
        put_video(Account(external_id="nobody"))
    assert [(e.field, e.code) for e in refused.value.errors] == [("account", "not_found")]


def test_a_live_is_stamped_when_it_goes_on_air_and_when_it_ends_and_stays_ended():
    host = builders.an_account(country="ID")

    def put(state, minutes):
        at = T0 + timedelta(minutes=minutes)
        return sync.put_live(
            external_id="l-1",
            account=host.external_id,
            title="Kiln opening",
            state=state,
            starts_at=T0,
            updated_at=at,
            now=at,
        ).row

    put("scheduled", 0)
    assert put("on_air", 1).on_air_at == T0 + timedelta(minutes=1)
    assert put("ended", 30).ended_at == T0 + timedelta(minutes=30)
    with pytest.raises(Invalid):
        put("on_air", 31)


def test_an_account_in_a_country_without_a_market_is_taken():
    taken = sync.put_account(external_id="a-no", username="fjord", type="creator", country="NO", updated_at=T0)
    assert taken.outcome == "created"


def test_a_product_that_leads_elsewhere_is_another_link_in_every_video_it_stands_in():
    account = builders.an_account(country="ID")
    anchor = sync.Anchor("p-1", "Batik scarf", 25_000_000, "IDR", "https://shop.example/scarf")
    put_video(account, anchor=anchor)
    put_video(account, external_id="v-2", anchor=anchor)
    elsewhere = sync.Anchor("p-1", "Batik scarf", 25_000_000, "IDR", "https://elsewhere.example/")
    put_video(account, at=T0 + timedelta(seconds=5), anchor=elsewhere)
    relay()
    assert list(Video.objects.order_by("external_id").values_list("revision", flat=True)) == [2, 2]


@pytest.mark.parametrize("change", [{"price_minor": 30_000_000}, {"in_stock": False}])
def test_a_product_s_price_or_stock_is_no_new_link(change):
    account = builders.an_account(country="ID")
    facts = {"product_id": "p-1", "title": "Scarf", "price_minor": 1, "currency": "IDR", "url": "https://shop.example/"}
    put_video(account, anchor=sync.Anchor(**facts))
    put_video(account, external_id="v-2", anchor=sync.Anchor(**facts))
    put_video(account, at=T0 + timedelta(seconds=5), anchor=sync.Anchor(**facts | change))
    relay()
    assert set(Video.objects.values_list("revision", flat=True)) == {1}


def test_a_video_remembers_whose_it_was():
    first, second, third = (builders.an_account() for _ in range(3))
    for number, owner in enumerate([first, second, first, third]):
        row = put_video(owner, at=T0 + timedelta(seconds=number)).row
    put_video(second, at=T0)
    row.refresh_from_db()
    assert row.account == third
    assert row.former_account_ids == [first.id, second.id]
