"""Kills the Celery worker again and again under an audience; every refund must still be right, and the audit clean.

A private system with the demo's orders and a dense audience. The worker and its pool are killed outright (SIGKILL)
every few seconds for as long as orders run; the supervisor starts it again each time.
"""

import asyncio
import contextlib
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import psutil

from bench import system
from bench.running import Say
from bench.system import HOUSE, System
from sandbox.demo.commands import Failed
from sandbox.demo.memory import Memory
from sandbox.demo.orders import COINS, ORDERS
from sandbox.demo.platform import Platform
from sandbox.http import Client

KILL_EVERY_S = (6.0, 14.0)
KILLING_S = 240.0
SETTLED_WITHIN_S = 420.0
PROMISED_S = 900.0


def run(say: Say) -> dict[str, Any]:
    with system.private(say) as house:
        say("loading the demo's orders")
        _call("sandbox.demo", "--url", house.url, "--edge", house.edge, "--data", str(house.folder))
        with _audience(house):
            kills = _keep_killing(house, say)
            say(f"the worker was killed {kills} times; now it is left alone until every order is settled")
            orders = asyncio.run(_settled(house, say))
        wallets = asyncio.run(_wallets(house))
        audit = asyncio.run(_audit(house))
    wrong = [line for order in orders for line in _faults(order)] + [line for one in wallets for line in one]
    return {
        "drill": "worker-kill",
        "ok": bool(audit.get("ok")) and not wrong and kills > 0,
        "kills": kills,
        "orders_settled": len(orders),
        "slowest_refund_s": max((_refund_s(order) for order in orders), default=0.0),
        "spent_coins": sum(order["spent_coins"] or 0 for order in orders),
        "wrong": wrong,
        "audit": audit,
    }


def _call(module: str, *arguments: str) -> None:
    subprocess.run([sys.executable, "-m", module, *arguments], cwd=HOUSE, check=True, stdout=subprocess.DEVNULL)


@contextlib.contextmanager
def _audience(house: System) -> Iterator[None]:
    command = [sys.executable, "-m", "sandbox.audience", "--data", str(house.folder), "--viewers-per-second", "40"]
    process = subprocess.Popen(command, cwd=HOUSE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait(timeout=30)


def _keep_killing(house: System, say: Say) -> int:
    rng, kills, end = random.Random(7), 0, time.monotonic() + KILLING_S
    while time.monotonic() < end:
        time.sleep(rng.uniform(*KILL_EVERY_S))
        victims = _workers(house)
        for victim in victims:
            with contextlib.suppress(psutil.NoSuchProcess):
                victim.kill()
        kills += bool(victims)
        say(f"killed {len(victims)} processes of the worker ({kills})" if victims else "no worker is there yet")
    return kills


def _workers(house: System) -> list[psutil.Process]:
    """The worker and its pool among the system's own processes; not the clock."""
    found = []
    for process in psutil.Process(house.process.pid).children(recursive=True):
        with contextlib.suppress(psutil.Error):
            command = " ".join(process.cmdline())
            if "celery" in command and " worker" in command:
                found.append(process)
    return found


async def _settled(house: System, say: Say) -> list[dict[str, Any]]:
    """Every order that was running, refunded; those that run for hours are ended. Raises TimeoutError."""
    memory = Memory(house.folder)
    platform = Platform(Client(house.url), memory["key"])
    mine = [wanted for wanted in ORDERS if wanted.end == "run" or wanted.name == "the auction, on air"]
    apps = {account: await platform.app_of(account) for account in {wanted.account for wanted in mine}}
    for wanted in mine:
        if wanted.hours > 1:
            await apps[wanted.account].post(f"/api/v1/orders/{memory['orders'][wanted.name]}/end", {})
    async with asyncio.timeout(SETTLED_WITHIN_S):
        while True:
            orders = [
                await apps[wanted.account].get(f"/api/v1/orders/{memory['orders'][wanted.name]}") for wanted in mine
            ]
            left = [order for order in orders if order["status"] != "settled"]
            if not left:
                await platform.client.close()
                return orders
            say(f"{len(left)} of {len(orders)} orders are not settled yet")
            await asyncio.sleep(10)


def _faults(order: dict[str, Any]) -> list[str]:
    faults = []
    if order["spent_coins"] + order["refunded_coins"] != order["paid_coins"]:
        faults.append(f"{order['id']}: spent and refunded do not add up to what was paid")
    if order["spent_coins"] > order["paid_coins"]:
        faults.append(f"{order['id']}: more spent than paid")
    if _refund_s(order) > PROMISED_S:
        faults.append(f"{order['id']}: refunded after {_refund_s(order):.0f} s")
    return faults


def _refund_s(order: dict[str, Any]) -> float:
    ended, refunded = (datetime.fromisoformat(order[name]) for name in ("ended_at", "refunded_at"))
    return (refunded - ended).total_seconds()


async def _wallets(house: System) -> list[list[str]]:
    """What was granted to an account is in its wallet, in its orders, or spent."""
    memory = Memory(house.folder)
    platform = Platform(Client(house.url), memory["key"])
    told = []
    for account, granted in COINS.items():
        app = await platform.app_of(account)
        wallet = await app.get("/api/v1/wallet")
        orders = (await app.get("/api/v1/orders"))["results"]
        spent = sum(order["spent_coins"] or 0 for order in orders if order["status"] == "settled")
        there = wallet["coins"] + wallet["held_coins"] + spent
        told.append([] if there == granted else [f"{account}: {granted} coins granted, {there} accounted for"])
    await platform.client.close()
    return told


async def _audit(house: System) -> dict[str, Any]:
    try:
        async with house.commands as commands:
            told = await commands.run("audit")
    except Failed as wrong:
        return {"ok": False, "said": str(wrong), **wrong.answer}
    return {"ok": told["ok"], "transfers": told["transfers"]}
