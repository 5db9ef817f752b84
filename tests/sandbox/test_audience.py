"""The simulated audience: its traffic, its rates and its sequences are those of the logs."""

import asyncio
import random
from collections import Counter
from datetime import UTC, datetime
from statistics import mean, median

import pytest

from sandbox.audience import behaviour, curves, people
from sandbox.audience.behaviour import MISCHIEF, Shown, react
from sandbox.audience.people import MARKETS, passer_by, person, traffic
from sandbox.http import Client, Unreachable

SHOWN = Shown(token="token-abcdef", target="vid_1", position=0, surface="feed", has_product=True, has_link=True)
HONEST = dict.fromkeys(MISCHIEF, 0.0)


@pytest.fixture
def honest(monkeypatch):
    monkeypatch.setattr(behaviour, "MISCHIEF", HONEST)


def crowd(count: int, seed: int = 7):
    rng = random.Random(seed)
    return [passer_by(rng, MARKETS[number % len(MARKETS)]) for number in range(count)]


def test_traffic_peaks_in_the_evening_and_is_least_before_dawn():
    assert max(range(24), key=curves.busy) == 21
    assert min(range(24), key=curves.busy) == 4
    assert mean(curves.busy(hour) for hour in range(24)) == pytest.approx(1)
    assert curves.busy(21) / curves.busy(4) == pytest.approx(22117433 / 2617287)


def test_traffic_passes_smoothly_from_hour_to_hour_and_keeps_to_its_least():
    assert curves.busy(23.5) == pytest.approx((curves.BUSY[23] + curves.BUSY[0]) / 2)
    assert curves.busy(4, least=0.5) == 0.5


def test_every_market_is_busy_in_its_own_evening():
    evening_in_jakarta = traffic(MARKETS, datetime(2026, 11, 24, 14, tzinfo=UTC), least=0)
    night_in_jakarta = traffic(MARKETS, datetime(2026, 11, 23, 21, tzinfo=UTC), least=0)
    assert evening_in_jakarta["ID"] > 8 * night_in_jakarta["ID"]
    assert evening_in_jakarta["US"] < night_in_jakarta["US"]


def test_floors_follow_the_price_levels_of_the_auctions():
    rng = random.Random(1)
    floors = [curves.draw_floor_micros(rng, scale=1) for _ in range(20_000)]
    assert median(floors) == pytest.approx(70 * curves.MICROS_PER_FEN, rel=0.05)
    assert min(floors) >= 5 * curves.MICROS_PER_FEN
    assert max(floors) <= 267 * curves.MICROS_PER_FEN


def test_a_viewer_is_the_same_person_every_time():
    assert person(MARKETS[0], 17) == person(MARKETS[0], 17)
    assert person(MARKETS[0], 17) != person(MARKETS[0], 18)


def test_some_come_back_often():
    visits = Counter(viewer.id for viewer in crowd(20_000))
    assert visits.most_common(1)[0][1] > 5 * median(visits.values())


def test_viewers_are_told_to_the_edge_in_its_own_words():
    bands = {"18-24", "25-34", "35-44", "45-54", "55+"}
    for viewer in crowd(2_000):
        told = viewer.as_viewer()
        assert told["app_platform"] in ("ios", "android", "web")
        assert told.get("age_band", "18-24") in bands
        assert "" not in told.values()
        assert len(told["interests"]) >= 1
        if told.get("is_minor"):
            assert "age_band" not in told


def test_the_share_who_watch_is_between_chosen_and_shown_by_chance(honest):
    rng = random.Random(3)
    reactions = [react(viewer, SHOWN, 12, rng) for viewer in crowd(20_000)]
    seen = [acts for acts in reactions if acts[0].facts["visible_ms"] >= 1000]
    watched = mean(any(act.type == "view_2s" for act in acts) for acts in seen)
    assert watched == pytest.approx((curves.WATCHED[12] + curves.WATCHED_BY_CHANCE[12]) / 2, rel=0.06)


def test_clicks_follow_position_and_appeal(honest):
    rng = random.Random(4)
    acts = [react(viewer, SHOWN, 12, rng) for viewer in crowd(40_000)]
    clicks = mean(any(act.type == "product_click" for act in one) for one in acts)
    expected = curves.CLICKED_AT[0] * curves.appeal("vid_1") * behaviour.CARD_TO_BANNER * (1 - behaviour.SCROLLED_PAST)
    assert clicks == pytest.approx(expected, rel=0.15)


def test_no_action_comes_before_its_impression_and_the_clock_is_a_persons(honest):
    rng = random.Random(5)
    order = {"view_2s": 2, "view_6s": 6, "complete": 6}
    for viewer in crowd(5_000):
        impression, *rest = react(viewer, SHOWN, 20, rng)
        assert impression.type == "impression"
        begun = impression.after_s - impression.facts["visible_ms"] / 1000
        types = [act.type for act in rest]
        assert [name for name in types if name in order] == list(order)[: len([n for n in types if n in order])]
        for act in rest:
            assert act.after_s - begun >= order.get(act.type, 1.0)
        if impression.facts["visible_ms"] < 1000:
            assert rest == []


def test_only_a_live_is_entered(honest):
    rng = random.Random(6)
    live = Shown(token="t", target="liv_1", position=0, surface="live")
    told = [[act.type for act in react(viewer, live, 20, rng)] for viewer in crowd(5_000)]
    assert all(len(set(types)) == len(types) for types in told), "an event counts once a token and type"
    types = Counter(kind for types in told for kind in types)
    assert set(types) <= {"impression", "live_enter", "live_minute"}
    assert types["live_enter"] > types["live_minute"] > 0
    assert Counter(a.type for v in crowd(2_000) for a in react(v, SHOWN, 20, rng))["live_enter"] == 0


def test_a_video_without_a_link_or_product_gets_no_clicks(honest):
    rng = random.Random(8)
    plain = Shown(token="t", target="vid_2", position=0, surface="feed")
    types = {act.type for viewer in crowd(5_000) for act in react(viewer, plain, 20, rng)}
    assert not types & {"product_click", "website_visit"}


def test_a_small_share_is_what_must_not_be_billed():
    rng = random.Random(9)
    kinds = Counter(behaviour.mischief(rng) for _ in range(50_000))
    for kind, share in MISCHIEF.items():
        assert kinds[kind] / 50_000 == pytest.approx(share, rel=0.35)
    assert kinds[""] > 0.95 * 50_000


@pytest.mark.parametrize("kind", MISCHIEF)
def test_each_kind_of_mischief_can_be_told_from_an_honest_viewer(kind, monkeypatch):
    monkeypatch.setattr(behaviour, "MISCHIEF", {kind: 1.0})
    acts = react(crowd(1)[0], SHOWN, 12, random.Random(2))
    impressions = [act for act in acts if act.type == "impression"]
    told = {
        "bot": lambda: "bot" in acts[0].facts["user_agent"].lower() or acts[0].facts["visible_ms"] == 1000,
        "duplicate": lambda: len({(act.type, act.token) for act in acts}) < len(acts),
        "late": lambda: acts[0].after_s > 600,
        "too_fast": lambda: acts[1].after_s - acts[0].after_s < 0.1,
        "orphan": lambda: impressions == [],
        "forged": lambda: acts[0].token != SHOWN.token,
        "private_address": lambda: acts[0].facts["address"].startswith("10."),
    }
    assert told[kind]()


async def _server(replies: list[bytes]):
    seen: list[tuple[object, bytes]] = []

    async def serve(reader, writer):
        while head := await reader.readuntil(b"\r\n\r\n"):
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]) if b"ength:" in head else 0
            seen.append((writer, head + await reader.readexactly(length)))
            writer.write(replies[len(seen) - 1])
            if b"close" in replies[len(seen) - 1]:
                writer.close()
                break

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    return server, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", seen


def test_the_client_uses_a_connection_again_and_opens_another_where_it_was_closed():
    async def story():
        replies = [
            b'HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n{"a": 1}',
            (
                b"HTTP/1.1 202 Accepted\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
                b"3\r\n[1,\r\n2\r\n2]\r\n0\r\n\r\n"
            ),
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        ]
        server, address, seen = await _server(replies)
        client = Client(address, {"Authorization": "Api-Key k"})
        first = await client.post("/v1/decide", {"viewer": {}})
        second = await client.post("/v1/events", {"events": []}, idempotency_key="one")
        third = await client.get("/health/live")
        assert (first.json(), second.status, second.json(), third.json()) == ({"a": 1}, 202, [1, 2], {})
        assert seen[0][0] is seen[1][0]
        assert seen[1][0] is not seen[2][0]
        assert b"Authorization: Api-Key k" in seen[0][1]
        assert b"Idempotency-Key: one" in seen[1][1]
        await client.close()
        server.close()

    asyncio.run(story())


def test_nobody_there_is_said_as_such():
    with pytest.raises(Unreachable):
        asyncio.run(Client("http://127.0.0.1:9").get("/"))


def test_all_demo_markets_have_an_audience():
    assert {"ID", "GB", "US", "TH", "DE", "SA"} <= {market.country for market in people.MARKETS}
