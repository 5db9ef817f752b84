"""The journey through REST alone: real web, edge, worker, clock and payment provider, the ledger audited at the end."""

import time
import uuid
from datetime import datetime

import pytest
import requests

from tests.api import journey
from tests.api.journey import Http, command, until
from tests.harness.services import Service, World

pytestmark = pytest.mark.django_db(transaction=True)

REFUND_WITHIN_S = 180
"""Seconds as a rule; a machine that runs other tests beside is given more. The promise is fifteen minutes."""
MICROS = 1_000_000


def approved(world: World, order: str) -> None:
    reviewer = command(world, "create_staff", "rani", "--role", "reviewer")["username"]
    assert command(world, "review_order", order, "approve", "--by", reviewer)["status"] == "delivering"


def shown(crowd: journey.Audience, order: str, *, coins: int) -> None:
    """Viewers come until the order has spent so many coins more. It is in the index a second after its approval."""
    enough = sum(crowd.prices_micros) + coins * MICROS
    until(
        lambda: crowd.watches(order, viewers=20) and sum(crowd.prices_micros) > enough,
        within_s=90,
        what=f"{coins} coins are spent",
    )


def settled(app: Http, order: str) -> dict:
    return until(
        lambda: found if (found := app.get(f"/orders/{order}"))["status"] == "settled" else None,
        within_s=REFUND_WITHIN_S,
        what="the rest comes back",
    )


def everything(app: Http, path: str) -> list[dict]:
    """All pages of a list."""
    page = app.get(f"{path}?limit=100")
    found = page["results"]
    while page["next"]:
        page = app.get(f"{path}?limit=100&cursor={page['next']}")
        found += page["results"]
    return found


def proved(world: World) -> None:
    found = command(world, "audit")
    assert found["ok"] is True
    assert found["transfers"] > 0


def placed(app: Http, video: str) -> str:
    quote = journey.quoted(app, video)["quote"]
    return str(app.post("/orders", {"quote": quote}, want=201, key=str(uuid.uuid4()))["id"])


def test_from_a_video_to_a_refund(
    world: World, stripe_sandbox: Service, live_web: Service, live_edge: Service, celery_worker_process: Service
):
    ready = until(
        lambda: requests.get(f"{world.web}/health/ready", timeout=10).json()["status"] == "ok",
        within_s=30,
        what="ready",
    )
    assert ready

    # A platform's server sends its catalogue; an old update changes nothing.
    server = journey.platform(world)
    journey.a_seller(server)
    video = journey.a_video_of(server, "sri")
    journey.a_video_of(server, "sri", "v2", visibility="private")
    lines = [{"kind": "account", "external_id": f"b{n}", **journey.facts_of_a_seller()} for n in range(3)]
    assert [one["status"] for one in server.bulk(lines)] == ["created"] * 3
    old = {"username": "old", "type": "personal", "country": "US", "updated_at": "2020-01-01T00:00:00Z"}
    assert server.put("/platform/accounts/sri", old)["stale"] is True

    # The app sees what can be promoted, and why something can't.
    app = journey.app_of(server, "sri")
    central = app.get("/central")
    assert central["wallet"]["coins"] == 0
    assert {one["external_id"]: one["eligibility"]["eligible"] for one in central["videos"]} == {
        "v1": True,
        "v2": False,
    }
    assert app.get(f"/eligibility?target={video}")["eligible"] is True

    # A price; too few coins; a top-up by card; the same quote is placed.
    quote = journey.quoted(app, video)
    assert quote["pay_coins"] == 5000
    problem = app.post("/orders", {"quote": quote["quote"]}, want=402, key="too-early")
    assert (problem["code"], problem["missing_coins"]) == ("insufficient_coins", 5000)
    top_up = journey.pays_by_card(app, 5000)
    assert (top_up["coins"], top_up["price"]) == (5000, {"amount_minor": 4950, "currency": "USD"})
    assert app.get("/wallet")["coins"] == 5000
    order = app.post("/orders", {"quote": quote["quote"]}, want=201, key="place")["id"]
    again = app.post("/orders", {"quote": quote["quote"]}, want=201, key="place")
    assert (again["id"], app.last.headers["Idempotent-Replayed"]) == (order, "true")
    assert (app.get("/wallet")["coins"], app.get("/wallet")["held_coins"]) == (0, 5000)

    # Ops approves; the audience watches; the figures follow.
    approved(world, order)
    crowd = journey.audience(world, server, video)
    shown(crowd, order, coins=2)
    count = len(crowd.prices_micros)
    figures = until(
        lambda: found if (found := app.get(f"/orders/{order}/report"))["figures"]["impressions"] == count else None,
        within_s=30,
        what="every impression is counted",
    )
    assert figures["figures"]["charged_micros"] == sum(crowd.prices_micros)
    assert figures["results"]["count"] == crowd.views
    by_age = app.get(f"/orders/{order}/report?by=age")["breakdown"]
    assert [(part["key"], part["impressions"]) for part in by_age] == [("25-34", count)]

    # It can't be paused; its owner ends it; what was not spent is back.
    assert app.post(f"/orders/{order}/pause", want=409, key="pause")["code"] == "pausing_not_available"
    assert app.post(f"/orders/{order}/end", key="end")["status"] == "ending"
    final = settled(app, order)
    spent = sum(crowd.prices_micros) // MICROS
    assert (final["spent_coins"], final["refunded_coins"], final["end_reason"]) == (spent, 5000 - spent, "user")
    assert datetime.fromisoformat(final["refunded_at"]) <= datetime.fromisoformat(final["refund_due_at"])
    wallet = app.get("/wallet")
    assert (wallet["coins"], wallet["held_coins"]) == (5000 - spent, 0)
    charges = everything(app, f"/orders/{order}/charges")
    assert sum(one["price_micros"] for one in charges if one["valid"]) == spent * MICROS
    assert charges[-1]["type"] == "rounding"

    # An invoice on what was really spent, within a minute; and the ledger proves it all.
    assert spent >= 2
    invoice = until(
        lambda: [one for one in app.get("/invoices")["results"] if one.get("order") == order],
        within_s=60,
        what="a bill",
    )[0]
    assert app.get(f"/invoices/{invoice['id']}.pdf").startswith(b"%PDF-")
    kinds = {one["kind"] for one in app.get("/notifications")["results"]}
    assert {"top_up_paid", "order_placed", "order_running", "order_settled"} <= kinds
    proved(world)


def test_a_worker_that_is_killed_in_the_middle_still_ends_in_the_right_refund(
    world: World, live_web: Service, live_edge: Service, celery_worker_process: Service
):
    server = journey.platform(world)
    journey.a_seller(server)
    video = journey.a_video_of(server, "sri")
    command(world, "grant_coins", "sri", "5000")
    app = journey.app_of(server, "sri")
    order = placed(app, video)
    approved(world, order)
    crowd = journey.audience(world, server, video)
    shown(crowd, order, coins=1)

    # Nobody drains, nobody relays: events and the end are accepted all the same, and wait.
    celery_worker_process.kill()
    crowd.watches(order, viewers=20)
    assert app.post(f"/orders/{order}/end", key="end")["status"] == "ending"

    # Started, and killed again while it is catching up.
    celery_worker_process.start()
    time.sleep(0.5)
    celery_worker_process.kill()
    celery_worker_process.start()

    final = settled(app, order)
    spent = sum(crowd.prices_micros) // MICROS
    assert spent >= 1
    assert (final["spent_coins"], final["refunded_coins"]) == (spent, 5000 - spent)
    assert (app.get("/wallet")["coins"], app.get("/wallet")["held_coins"]) == (5000 - spent, 0)
    assert final["results"]["count"] == crowd.views
    proved(world)
