"""Placements through REST, decisions and events on the edge, beside a bare Granian "hello" in the same run.

One web process, one edge process. Placements: 8 clients, each with an account of its own, quote and place in turn.
Decisions and events: 16 connections that never wait; so their p50 and p99 are those of a saturated process.
"""

import asyncio
import itertools
import json
import os
import time
from datetime import UTC, datetime
from typing import Any

from bench import load, system
from bench.load import Load
from bench.running import Say
from bench.system import System
from sandbox.demo.commands import Failed
from sandbox.demo.platform import App
from sandbox.http import Client

CLIENTS = 8
PLACING_S = 10.0
CONNECTIONS = 16
PRESSING_S = 5.0
LIVES = 40
COINS = 1_000_000
LIVE_COINS = 100_000
VIEWERS = 20_000
EVENTS_A_CALL = 10
TOKENS = 20_000
GATHER_WITHIN_S = 15.0
SETTLE_DOWN_S = 8.0


def run(say: Say) -> dict[str, Any]:
    with system.private(say) as house, system.hello(say) as hello:
        quotes, placed = asyncio.run(_placing(house, say))
        say("opening live rooms, whose orders deliver at once")
        asyncio.run(_open_lives(house))
        bodies = _decide_bodies()
        time.sleep(SETTLE_DOWN_S)  # pacing finds its prices while somebody asks
        decide_url, events_url = f"{house.edge}/v1/decide", f"{house.edge}/v1/events"
        load.press(decide_url, bodies, authorization=house.authorization, connections=2, seconds=4)
        say(f"bare Granian, {PRESSING_S:g} s")
        bare = load.press(f"{hello}/v1/decide", bodies, connections=CONNECTIONS, seconds=PRESSING_S)
        say(f"decisions, {PRESSING_S:g} s")
        decide = load.press(
            decide_url, bodies, authorization=house.authorization, connections=CONNECTIONS, seconds=PRESSING_S
        )
        say("gathering tokens, then events")
        tokens, filled = asyncio.run(_tokens(house))
        event_bodies = _event_bodies(tokens)
        pressing_s = 3.0
        events = load.press(
            events_url, event_bodies, authorization=house.authorization, connections=CONNECTIONS, seconds=pressing_s
        )
        bare_events = load.press(f"{hello}/v1/events", event_bodies, connections=CONNECTIONS, seconds=pressing_s)
        say("letting the workers finish, then the audit")
        audit = asyncio.run(_audit(house))
    unique = min(1.0, len(event_bodies) / max(1, events.requests))
    return {
        "bench": "journey",
        "ok": audit["ok"] and not quotes.bad and not placed.bad,
        "cores": os.cpu_count(),
        "client": "wrk" if load.WRK else "our own",
        "placements": {**placed.figures(), "clients": CLIENTS},
        "quotes": quotes.figures(),
        "hello": bare.figures(),
        "decide": {**decide.figures(), "of_hello": _ratio(decide, bare), "filled": round(filled, 3)},
        "events": {
            **events.figures(),
            "of_hello": _ratio(events, bare_events),
            "events_a_call": EVENTS_A_CALL,
            "events_per_s": round(events.per_s * EVENTS_A_CALL, 1),
            "first_seen": round(unique, 3),
        },
        "audit": audit,
    }


def _ratio(ours: Load, bare: Load) -> float:
    return round(ours.per_s / bare.per_s, 3)


async def _placing(house: System, say: Say) -> tuple[Load, Load]:
    """Quotes first, then their orders: each measured by itself, with the same 8 clients."""
    apps = await _advertisers(house)
    quotes: list[tuple[App, str]] = []
    turn = itertools.cycle(range(CLIENTS))

    async def quote(_number: int) -> bool:
        at = next(turn)
        app, target = apps[at]
        asked = {"target": target, "objective": "video_views", "budget_coins": 300, "duration_hours": 24,
                 "audience": {"automatic": True}}  # fmt: skip
        quotes.append((app, (await app.post("/api/v1/quotes", asked))["quote"]))
        return True

    say(f"quotes, {PLACING_S:g} s")
    end = time.monotonic() + PLACING_S
    asked = await load.each(quote, clients=CLIENTS, until=lambda: time.monotonic() >= end)

    async def place(_number: int) -> bool:
        app, sealed = quotes.pop()
        return str((await app.post("/api/v1/orders", {"quote": sealed}))["status"]) == "in_review"

    say(f"placements of {len(quotes)} quotes, up to {2 * PLACING_S:g} s")
    end = time.monotonic() + 2 * PLACING_S
    placed = await load.each(place, clients=CLIENTS, until=lambda: time.monotonic() >= end or len(quotes) < CLIENTS)
    await apps[0][0].client.close()
    return asked, placed


async def _advertisers(house: System) -> list[tuple[App, str]]:
    """One account, video and full purse a client."""
    platform, now = house.platform(), _now()
    lines: list[dict[str, Any]] = []
    for number in range(CLIENTS):
        lines.append(_account(f"bench-{number}", now))
        lines.append({
            "kind": "video", "external_id": f"bench-video-{number}", "account": f"bench-{number}", "updated_at": now,
            "caption": "First crack, sound on.", "visibility": "public", "status": "active", "duration_s": 21,
        })  # fmt: skip
    results = await platform.bulk(lines)
    videos = [result["id"] for result in results if result["id"].startswith("vid_")]
    async with house.commands as commands:
        for number in range(CLIENTS):
            await commands.run("grant_coins", f"bench-{number}", COINS)
    apps = await asyncio.gather(*(platform.app_of(f"bench-{number}") for number in range(CLIENTS)))
    return list(zip(apps, videos, strict=True))


async def _open_lives(house: System) -> None:
    """Live rooms on air deliver while they wait for their verdict, so no reviewer is needed here."""
    platform, now = house.platform(), _now()
    results = await platform.bulk(
        {"kind": "live", "external_id": f"bench-live-{number}", "account": f"bench-{number % CLIENTS}",
         "title": "On air", "state": "on_air", "starts_at": now, "updated_at": now}
        for number in range(LIVES)
    )  # fmt: skip
    apps = await asyncio.gather(*(platform.app_of(f"bench-{number}") for number in range(CLIENTS)))

    async def promote(number: int) -> None:
        app = apps[number % CLIENTS]
        asked = {"target": results[number]["id"], "objective": "live_viewers", "budget_coins": LIVE_COINS,
                 "duration_hours": 6, "audience": {"automatic": True}}  # fmt: skip
        quote = await app.post("/api/v1/quotes", asked)
        order = await app.post("/api/v1/orders", {"quote": quote["quote"]})
        if order["status"] != "delivering":
            raise RuntimeError(f"A live on air should deliver at once, but this one is {order['status']}.")

    await asyncio.gather(*(promote(number) for number in range(LIVES)))
    await platform.client.close()


def _decide_bodies() -> list[str]:
    return [
        json.dumps(
            {
                "viewer": {"id": f"viewer-{number}", "country": "GB", "age_band": "25-34", "gender": "female",
                           "interests": ["crafts", "food"], "app_platform": "ios"},
                "surface": "live",
                "slots": [{}],
            },
            separators=(",", ":"),
        )
        for number in range(VIEWERS)
    ]  # fmt: skip


async def _tokens(house: System) -> tuple[list[str], float]:
    """Fresh tokens for events, and the share of slots that were filled."""
    client = Client(house.edge, {"Authorization": house.authorization})
    tokens: list[str] = []
    asked = 0

    async def decide(number: int) -> bool:
        nonlocal asked
        viewer = {"id": f"token-{number}", "country": "GB", "age_band": "25-34", "app_platform": "android"}
        answer = await client.post("/v1/decide", {"viewer": viewer, "surface": "live", "slots": [{}, {}, {}]})
        decisions = answer.json()["decisions"]
        asked += len(decisions)
        tokens.extend(one["token"] for one in decisions if "token" in one)
        return True

    end = time.monotonic() + GATHER_WITHIN_S
    await load.each(decide, clients=CLIENTS, until=lambda: len(tokens) >= TOKENS or time.monotonic() >= end)
    await client.close()
    return tokens, len(tokens) / max(1, asked)


def _event_bodies(tokens: list[str]) -> list[str]:
    at = _now()
    events = [
        {"token": token, "type": "impression", "at": at, "visible_ms": 1200, "visible_share": 0.9} for token in tokens
    ]
    batches = (events[start : start + EVENTS_A_CALL] for start in range(0, len(events), EVENTS_A_CALL))
    return [json.dumps({"events": batch}, separators=(",", ":")) for batch in batches]


async def _audit(house: System) -> dict[str, Any]:
    await asyncio.sleep(3)
    try:
        async with house.commands as commands:
            told = await commands.run("audit")
    except Failed as wrong:
        told = wrong.answer or {"ok": False, "transfers": None, "said": str(wrong)}
    return {name: told[name] for name in ("ok", "transfers", "said") if name in told}


def _account(external_id: str, now: str) -> dict[str, Any]:
    return {"kind": "account", "external_id": external_id, "username": external_id, "type": "business",
            "country": "GB", "birth_date": "1990-05-17", "updated_at": now}  # fmt: skip


def _now() -> str:
    return datetime.now(UTC).isoformat()
