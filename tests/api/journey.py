"""A stranger's client of the running system: REST over the wire, and the commands of a terminal. Knows api.md alone."""

import json
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

import requests

from tests.harness.run import ROOT
from tests.harness.services import World

PHONE = "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/129.0 Mobile Safari/537.36"
FLOOR_MICROS = 10_000
CARD = {"number": "4242 4242 4242 4242", "expiry": "12 / 34", "cvc": "123", "email": "sri@shop.example"}
Found = TypeVar("Found")


def until(look: Callable[[], Found], *, within_s: float, what: str) -> Found:
    """Asks until the answer says something."""
    end = time.monotonic() + within_s
    while not (found := look()):
        assert time.monotonic() < end, f"not within {within_s} s: {what}"
        time.sleep(0.25)
    return found


def rfc3339(at: datetime | None = None) -> str:
    return (at or datetime.now(UTC)).isoformat().replace("+00:00", "Z")


def command(world: World, *words: str) -> dict[str, Any]:
    """`manage.py … --json` as ops would call it, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "manage.py", *words, "--json"],
        cwd=ROOT,
        env=world.environment,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return dict(json.loads(done.stdout.strip().splitlines()[-1]))


@dataclass
class Http:
    """One caller. Every call has a deadline; what it answers is checked by `want`."""

    base: str
    headers: dict[str, str]
    session: requests.Session = field(default_factory=requests.Session)

    def ask(self, method: str, path: str, body: Any = None, *, want: int, **headers: str) -> Any:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = self.session.request(
            method, self.base + path, json=body, headers={**self.headers, **named}, timeout=30
        )
        assert answer.status_code == want, (method, path, answer.status_code, answer.text)
        if answer.status_code >= 400:
            assert answer.headers["Content-Type"].startswith("application/problem+json")
        self.last = answer
        return answer.json() if "json" in answer.headers.get("Content-Type", "") else answer.content

    def get(self, path: str, *, want: int = 200, **headers: str) -> Any:
        return self.ask("GET", path, want=want, **headers)

    def put(self, path: str, body: Any, *, want: int = 200) -> Any:
        return self.ask("PUT", path, body, want=want)

    def post(self, path: str, body: Any = None, *, want: int = 200, key: str | None = None) -> Any:
        return self.ask(
            "POST", path, body if body is not None else {}, want=want, **({"Idempotency_Key": key} if key else {})
        )

    def bulk(self, lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Streamed, as a server sends what it does not want to hold: in chunks, its length unsaid."""
        body = (json.dumps(line).encode() + b"\n" for line in lines)
        headers = {**self.headers, "Content-Type": "application/x-ndjson"}
        answer = self.session.post(f"{self.base}/platform/bulk", data=body, headers=headers, timeout=60)
        assert answer.status_code == 200, answer.text
        return [json.loads(line) for line in answer.text.splitlines()]


def platform(world: World) -> Http:
    scopes = ["catalogue", "tokens", "delivery", "purchases", "wallet", "ops"]
    key = command(world, "create_platform_key", "Journey", *(w for scope in scopes for w in ("--scope", scope)))["key"]
    return Http(f"{world.web}/api/v1", {"Authorization": f"Api-Key {key}"})


def app_of(server: Http, external_id: str) -> Http:
    """The app of a user whom the platform's server signed in."""
    tokens = server.post(f"/platform/accounts/{external_id}/tokens", {"app_platform": "android"})
    headers = {"Authorization": f"Bearer {tokens['access']}", "X-App-Platform": "android", "X-App-Version": "20.10.1"}
    return Http(server.base, headers)


def a_seller(server: Http, external_id: str = "sri") -> None:
    server.put(f"/platform/accounts/{external_id}", facts_of_a_seller(), want=201)


def facts_of_a_seller() -> dict[str, Any]:
    return {
        "username": "kiln.and.co",
        "type": "business",
        "country": "US",
        "birth_date": "1990-05-17",
        "updated_at": rfc3339(),
    }


def a_video_of(server: Http, account: str, external_id: str = "v1", **facts: Any) -> str:
    """Its id."""
    body = {
        "account": account,
        "caption": "New glaze out of the kiln this morning",
        "music": {"title": "Slow clay", "licence": "commercial"},
        "visibility": "public",
        "status": "active",
        "duration_s": 21,
        "updated_at": rfc3339(),
        **facts,
    }
    return str(server.put(f"/platform/videos/{external_id}", body, want=201)["id"])


def quoted(app: Http, target: str, **wish: Any) -> dict[str, Any]:
    return dict(
        app.post(
            "/quotes",
            {
                "target": target,
                "objective": "video_views",
                "budget_coins": 5000,
                "duration_hours": 6,
                "audience": {"automatic": True},
                **wish,
            },
            want=201,
        )
    )


def pays_by_card(app: Http, coins: int) -> dict[str, Any]:
    """Tops up on the provider's own page, as the payer's browser would. The paid top-up."""
    (card,) = [one for one in app.get("/top-ups/methods")["results"] if one["method"] == "card"]
    (pack,) = [one for one in card["packs"] if one["coins"] == coins]
    started = app.post("/top-ups", {"method": "card", "pack": pack["id"]}, want=201, key=str(uuid.uuid4()))
    assert started["status"] == "pending"
    page = started["next"]["redirect_url"]
    assert requests.get(page, timeout=30).status_code == 200
    assert requests.post(page, data=CARD, timeout=30, allow_redirects=False).status_code == 303

    def paid() -> dict[str, Any] | None:
        top_up = app.get(f"/top-ups/{started['id']}")
        return top_up if top_up["status"] == "paid" else None

    return until(paid, within_s=60, what="the payment is noticed")


@dataclass
class Audience:
    """Viewers, as the platform's server tells of them to the edge; `prices_micros` is what each impression cost.

    They like the video, and the platform has a floor: so an impression costs a hundredth of a coin, and a few hundred
    of them some coins.
    """

    edge: Http
    target: str
    seen: int = 0
    prices_micros: list[int] = field(default_factory=list)
    views: int = 0

    def watches(self, order: str, *, viewers: int) -> int:
        """So many new viewers see a slot each; those who are shown the order watch it. How many were."""
        shown = []
        for _ in range(viewers):
            self.seen += 1
            viewer = {"id": f"viewer-{self.seen}", "country": "US", "age_band": "25-34", "gender": "female"}
            answers = self.edge.post(
                "/decide",
                {
                    "viewer": {**viewer, "app_platform": "android"},
                    "surface": "feed",
                    "slots": [{"floor_micros": FLOOR_MICROS}],
                    "rates": {self.target: {"view_2s": 0.9}},
                },
            )["decisions"]
            shown += [one for one in answers if one.get("order") == order]
        if not shown:
            return 0
        events = [
            event
            for number, one in enumerate(shown)
            for event in ([_impression(one), _view(one)] if number % 2 == 0 else [_impression(one)])
        ]
        told = self.edge.post("/events", {"events": events}, want=202)["results"]
        assert [one["status"] for one in told] == ["accepted"] * len(events), told
        self.prices_micros += [one["price_micros"] for one in shown]
        self.views += len(events) - len(shown)
        again = self.edge.post("/events", {"events": events[:1]}, want=202)["results"]
        assert again[0]["status"] == "duplicate", again
        return len(shown)


def _impression(decision: dict[str, Any]) -> dict[str, Any]:
    seen = {"visible_ms": 1600, "visible_share": 0.95}
    return {"token": decision["token"], "type": "impression", "at": rfc3339(), "user_agent": PHONE, **seen}


def _view(decision: dict[str, Any]) -> dict[str, Any]:
    return {"token": decision["token"], "type": "view_2s", "at": rfc3339(), "user_agent": PHONE}


def audience(world: World, server: Http, target: str) -> Audience:
    return Audience(Http(f"{world.edge}/v1", server.headers), target)
