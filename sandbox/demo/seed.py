"""The demo, in the order in which a real platform would come in: key, limits, catalogue, people, coins, orders.

Each step looks at what is there first, so that a second run changes nothing; only orders whose life is over are placed
anew, so that something is alive whenever a newcomer looks.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from sandbox import bank
from sandbox.demo import catalogue, orders
from sandbox.demo.commands import Commands, Failed
from sandbox.demo.memory import Memory
from sandbox.demo.orders import Wanted
from sandbox.demo.platform import App, Platform, Refused
from sandbox.http import Client, Unreachable

READY_WITHIN_S: Final = 90
SCOPES: Final = ("catalogue", "tokens", "delivery", "purchases", "wallet", "ops")
OVER: Final = ("settled", "rejected", "cancelled", "ending")


@dataclass
class Demo:
    url: str
    edge: str
    folder: Path
    say: Callable[[str], None]
    phone: str = ""

    def __post_init__(self) -> None:
        self.memory = Memory(self.folder)
        self.commands = Commands(self.folder)
        self.client = Client(self.url)
        self.apps: dict[str, App] = {}
        self.targets: dict[str, str] = {}

    async def load(self) -> dict[str, Any]:
        """Everything, or what is missing of it. Raises Refused, Failed, Unreachable."""
        try:
            await self._load()
        finally:
            await self.commands.close()
            await self.client.close()
        return self.told()

    async def go_on(self, *, every_s: float) -> None:
        """Keeps something short alive after the demo was loaded, until cancelled: a look every so many seconds."""
        try:
            while True:
                try:
                    await self._look_after()
                except (Failed, Refused, Unreachable) as error:
                    self.say(f"demo: {error}")
                finally:
                    await self.commands.close()
                await asyncio.sleep(every_s)
        finally:
            await self.client.close()

    async def _look_after(self) -> None:
        """Places the short order that was over longest ago where too few are alive."""
        await self._ready()
        self.memory = Memory(self.folder)
        await self._key()
        if not self.targets:
            await self._catalogue()
        over = []
        for wanted in orders.SHORT:
            await self._enter(wanted.account)
            order = await self._known(wanted)
            if order is not None and order["status"] == "in_review":  # placed by a look that got no further
                await self._decide(self.apps[wanted.account], wanted, order["id"])
            if order is None or order["status"] in OVER:
                over.append((order["placed_at"] if order else "", wanted))
        over.sort(key=lambda placed: placed[0])
        for _placed_at, wanted in over[: max(0, orders.ALIVE - (len(orders.SHORT) - len(over)))]:
            await self._order(wanted)
            self.say(f"demo: placed “{wanted.name}” for {wanted.account}, {wanted.hours * 60:.0f} minutes")

    async def _load(self) -> None:
        await self._ready()
        await self._key()
        self.memory.set("url", self.url)
        self.memory.set("edge", self.edge)
        self.say("demo: accounts, videos and live rooms")
        await asyncio.gather(self._catalogue(), self._limits(), self._bank(), self._staff())
        await asyncio.gather(self._logins(), *(self._enter(account) for account in orders.COINS))
        self.say("demo: coins, vouchers and orders")
        await self._offers()
        await self._all(self._order(wanted) for wanted in orders.ORDERS)

    async def _ready(self) -> None:
        for attempt in range(READY_WITHIN_S * 2):
            try:
                answer = await self.client.get("/health/ready")
                if answer.status == 200:
                    return
                reason = answer.body[:300].decode(errors="replace")
            except Unreachable as error:
                reason = str(error)
            if attempt % 20 == 19:
                self.say(f"demo: waiting for {self.url} to be ready ({reason})")
            await asyncio.sleep(0.5)
        raise Unreachable(f"{self.url} is not ready after {READY_WITHIN_S} s: {reason}")

    async def _key(self) -> None:
        key = self.memory.get("key")
        if key is None:
            scopes = [part for scope in SCOPES for part in ("--scope", scope)]
            key = (await self.commands.run("create_platform_key", "Demo platform", *scopes))["key"]
            self.memory.set("key", key)
        self.platform = Platform(self.client, key)

    async def _limits(self) -> None:
        markets = sorted({account["country"] for account in catalogue.ACCOUNTS.values()})
        wanted = {"markets": markets, "facts": orders.LIMITS}
        if self.memory.get("limits") != wanted:
            facts = [f"{name}={json.dumps(value)}" for name, value in orders.LIMITS.items()]
            await self.commands.run("set_market", ",".join(markets), *facts)
            self.memory.set("limits", wanted)

    async def _bank(self) -> None:
        """Where the Indonesian accounts transfer to; `sandbox.bank` prints this bank's statements."""
        if self.memory.get("bank") != bank.NUMBER:
            facts = ["--bank", "BCA", "--number", bank.NUMBER, "--holder", "Promote (demo)"]
            await self.commands.run("set_bank_account", "ID", *facts)
            self.memory.set("bank", bank.NUMBER)

    async def _catalogue(self) -> None:
        lines = [
            *({"kind": "account", "external_id": name, **facts} for name, facts in catalogue.ACCOUNTS.items()),
            *(
                {"kind": "video", "external_id": name, "account": account, **facts}
                for account, videos in catalogue.VIDEOS.items()
                for name, facts in videos.items()
            ),
        ]
        dated = [{**line, "updated_at": catalogue.SYNCED_AT} for line in lines] + self._lives()
        results = await self.platform.bulk(dated)
        self.targets = {line["external_id"]: result["id"] for line, result in zip(dated, results, strict=True)}
        videos = [pair for videos in catalogue.VIDEOS.values() for pair in videos.items()]
        self.memory.set("with_product", sorted(self.targets[name] for name, facts in videos if "anchor" in facts))

    def _lives(self) -> list[dict[str, Any]]:
        """A scheduled live keeps its time until that is past; then it is put off by a day."""
        now, lines = datetime.now(UTC).replace(microsecond=0), []
        for name, facts in catalogue.LIVES.items():
            told = self.memory["lives"].get(name)
            if told is None or (facts["state"] == "scheduled" and datetime.fromisoformat(told["starts_at"]) < now):
                starts = now if facts["state"] == "on_air" else now.replace(minute=0, second=0) + timedelta(days=1)
                told = {"starts_at": starts.isoformat(), "updated_at": now.isoformat()}
                self.memory.put("lives", name, told)
            lines.append({"kind": "live", "external_id": name, **facts, **told})
        return lines

    async def _staff(self) -> None:
        await self._all(self._member(*member) for member in orders.STAFF)

    async def _member(self, username: str, role: str, _who: str) -> None:
        if username in self.memory["staff"]:
            return
        try:
            made = await self.commands.run("create_staff", username, "--role", role)
        except Failed:
            # There from an earlier demo whose memory is gone, and its password with it.
            made = await self.commands.run("create_staff", f"{username}-{uuid4().hex[:4]}", "--role", role)
        self.memory.put("staff", username, {"username": made["username"], "password": made["password"]})

    async def _logins(self) -> None:
        await self._all(self._login(account, username) for account, username, _who in orders.LOGINS)

    async def _login(self, account: str, username: str) -> None:
        if account not in self.memory["logins"]:
            made = await self.commands.run("set_login", account, username)
            self.memory.put("logins", account, {"username": username, "password": made["password"]})

    async def _enter(self, account: str) -> None:
        """The account's app, with coins to spend: granted in the beginning, and when they no longer last."""
        app = self.apps[account] = await self.platform.app_of(account)
        wallet = await app.get("/api/v1/wallet")
        dearest = max(wanted.coins for wanted in orders.ORDERS if wanted.account == account)
        if wallet["coins"] < dearest and wallet["held_coins"] < dearest:
            await self.commands.run("grant_coins", account, orders.COINS[account])

    async def _offers(self) -> None:
        await self._all(self._offer(*offer) for offer in orders.OFFERS)

    async def _offer(self, account: str, coins: int, days: int) -> None:
        if account in self.memory["offers"]:
            return
        there = (await self.apps[account].get("/api/v1/offers"))["results"]
        if not there:
            await self.commands.run("grant_offer", account, "--coins", coins, "--days", days)
            there = (await self.apps[account].get("/api/v1/offers"))["results"]
        self.memory.put("offers", account, there[0]["id"])

    async def _order(self, wanted: Wanted) -> None:
        """Places the order and brings it where it should be; leaves it alone where it has been there."""
        app = self.apps[wanted.account]
        order = await self._known(wanted)
        if order is None or (wanted.end in ("run", "live", "in_review") and self._is_done(order, wanted)):
            order = await self._place(app, wanted)
        self.memory.put("orders", wanted.name, order["id"])
        if order["status"] == "in_review":
            await self._decide(app, wanted, order["id"])

    async def _known(self, wanted: Wanted) -> dict[str, Any] | None:
        """The order that was placed for this last, as it stands."""
        app = self.apps[wanted.account]
        known = self.memory["orders"].get(wanted.name) or await self._adopted(app, wanted)
        order: dict[str, Any] | None = await app.get(f"/api/v1/orders/{known}") if known else None
        return order

    def _is_done(self, order: dict[str, Any], wanted: Wanted) -> bool:
        return order["status"] in OVER or (wanted.end == "in_review" and order["status"] != "in_review")

    async def _adopted(self, app: App, wanted: Wanted) -> str | None:
        """An order for this target that an interrupted run, or one whose memory is gone, has placed."""
        placed = (await app.get("/api/v1/orders"))["results"]
        return next((str(order["id"]) for order in placed if _target(order) == self.targets[wanted.target]), None)

    async def _place(self, app: App, wanted: Wanted) -> dict[str, Any]:
        asked: dict[str, Any] = {
            "target": self.targets[wanted.target],
            "objective": wanted.objective,
            "budget_coins": wanted.coins,
            "duration_hours": wanted.hours,
            "audience": dict(wanted.audience),
        }
        if wanted.link:
            asked["website_url"], asked["call_to_action"] = wanted.link
        if wanted.with_offer and await self._offer_is_free(app, wanted.account):
            asked["offer"] = self.memory["offers"][wanted.account]
        quote = await app.post("/api/v1/quotes", asked)
        placed: dict[str, Any] = await app.post("/api/v1/orders", {"quote": quote["quote"]})
        return placed

    async def _offer_is_free(self, app: App, account: str) -> bool:
        offers = (await app.get("/api/v1/offers"))["results"]
        wanted = self.memory["offers"][account]
        return any(offer["id"] == wanted and offer["status"] == "available" for offer in offers)

    async def _decide(self, app: App, wanted: Wanted, order: str) -> None:
        by = ("--by", self.memory["staff"][orders.STAFF[0][0]]["username"])
        if wanted.end == "run":
            await self.commands.run("review_order", order, "approve", *by)
        elif wanted.end == "reject":
            grounds = [
                part for name, value in orders.REJECTED_FOR.items() for part in (f"--{name.replace('_', '-')}", value)
            ]
            await self.commands.run("review_order", order, "reject", *grounds, *by)
        elif wanted.end == "cancel":
            await app.post(f"/api/v1/orders/{order}/end", {})

    async def _all(self, steps: Iterable[Awaitable[None]]) -> None:
        await asyncio.gather(*steps)

    def told(self) -> dict[str, Any]:
        """What a newcomer needs: who can sign in where, and what to look at first."""
        logins = [
            {"who": who, **self.memory["logins"][account], "url": f"{self.url}/login/"}
            for account, _username, who in orders.LOGINS
        ] + [
            {"who": who, **self.memory["staff"][username], "url": f"{self.url}/admin/"}
            for username, _role, who in orders.STAFF
        ]
        running = self.memory["orders"]["batik from wax to dye"]
        return {
            "logins": logins,
            "look_first": [
                f"{self.url}/ as sari: her videos, each with what it can be promoted for, or why it can't",
                f"{self.url}/orders/{running}/ as sari: an order that runs; watch it spend, end and be refunded",
                f"{self.url}/wallet/top-up/ as anybody: their market's methods, at stand-ins of its providers",
                *([f"{self.phone}/ as anybody: their phone; buy coins in a store"] if self.phone else []),
                f"{self.url}/admin/orders/review/ as demo-reviewer: an order of clay's waits for a verdict",
            ],
        }


def _target(order: dict[str, Any]) -> str:
    target = order["target"]
    return str(target["id"] if isinstance(target, dict) else target)


__all__ = ["Demo", "Failed", "Refused", "Unreachable"]
