"""Notices of a payment provider: 210 a second come in, each is answered, a worker does what it hints at behind them.

The whole system as script/server starts it, on the machine's cores together with the provider's stand-in and this
client. Payments are started and paid at the stand-in first; its notices are then sent by us, signed as it signs, at a
steady rate that waits for no answer, so that a slow answer delays no other. Latency counts from when a notice was due.
Processed is a notice whose coins are credited; receipts and their PDFs come behind, on the same cores.
"""

import asyncio
import hashlib
import hmac
import json
import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from statistics import quantiles
from typing import Any

import requests

from bench import system
from bench.running import Say
from bench.system import System
from sandbox.http import Client, Unreachable

PAYMENTS, ACCOUNTS = 1_260, 420
A_SECOND = 210
WARM = 100
"""Sent before, at a tenth of the rate: a web process that has just started has read no code yet."""
DRAINED_WITHIN_S = 180
STARTERS = 4
HOOK = "/webhooks/stripe"


def run(say: Say) -> dict[str, Any]:
    with system.private(say) as house, _of(house):
        asyncio.run(_accounts(house))
        say(f"starting and paying {PAYMENTS + WARM} payments at the stand-in")
        _start_and_pay(say)
        events = _events()
        say("warming up")
        asyncio.run(_send(house, events[:WARM], a_second=A_SECOND / 10))
        if not _drain():
            raise RuntimeError("No worker takes up what waits.")
        say(f"{PAYMENTS} notices, {A_SECOND} a second")
        began = time.monotonic()
        took, good, answered_s = asyncio.run(_send(house, events[WARM:], a_second=A_SECOND))
        waiting = _waiting()
        say(f"answered in {answered_s:.1f} s; {waiting} wait")
        drained = _drain()
        processed_s = time.monotonic() - began
        lost, left = _lost(good), _waiting()
    return {
        "bench": "notices",
        "ok": drained and not lost and good == PAYMENTS,
        "cores": os.cpu_count(),
        "answered_per_second": round(good / answered_s, 1),
        "answer_p50_ms": round(quantiles(took, n=100)[49] * 1000, 1),
        "answer_p99_ms": round(quantiles(took, n=100)[98] * 1000, 1),
        "processed_per_second": round(PAYMENTS / processed_s, 1),
        "backlog_at_the_end_of_sending": waiting,
        "backlog": left,
        "lost": lost,
    }


@contextmanager
def _of(house: System) -> Any:
    """This process as one of the system's own, for what needs its tables."""
    from promote.config import environment

    os.environ["PROMOTE_DATA"] = str(house.folder)
    with environment.completed(owner="bench notices", note=lambda _: None, start=False):
        import django

        django.setup()
        yield


async def _accounts(house: System) -> None:
    platform, now = house.platform(), datetime.now(UTC).isoformat()
    await platform.bulk(
        {"kind": "account", "external_id": f"bench-{number}", "username": f"bench-{number}", "type": "business",
         "country": "US", "birth_date": "1990-05-17", "updated_at": now}
        for number in range(ACCOUNTS)
    )  # fmt: skip
    await platform.client.close()


def _start_and_pay(say: Say) -> None:
    """By the use case itself; the stand-in sends no notice of its own."""
    from django.db import connection
    from django.utils import timezone

    from payments import top_ups
    from promote.accounts.models import Account
    from promote.markets.models import CoinPack

    _control("faults", drop=1.0)
    accounts = list(Account.objects.filter(external_id__startswith="bench-"))
    pack = CoinPack.objects.get(market_id="US", surface="web", coins=100)

    def pay(number: int) -> None:
        account, now = accounts[number % len(accounts)], timezone.now()
        made = top_ups.start(
            account=account,
            caller_surface="web",
            method="card",
            pack_id=pack.pk,
            key=f"bench-{number}",
            return_url="http://127.0.0.1/",
            now=now,
        )
        _control(f"sessions/{made.provider_ref}/pay")
        connection.close()

    with ThreadPoolExecutor(STARTERS) as starters:
        for done, _ in enumerate(starters.map(pay, range(PAYMENTS + WARM)), 1):
            if done % 500 == 0:
                say(f"  {done}")


def _control(path: str, **body: Any) -> None:
    from django.conf import settings

    stripe = settings.GATEWAYS["stripe"]
    headers = {"Authorization": f"Bearer {stripe['secret_key']}"}
    requests.post(f"{stripe['api_base']}/_ctl/{path}", json=body, headers=headers, timeout=30).raise_for_status()


def _events() -> list[bytes]:
    """The notices of what was paid, as the stand-in would have sent them."""
    import stripe
    from django.conf import settings

    options = settings.GATEWAYS["stripe"]
    client = stripe.StripeClient(options["secret_key"], base_addresses={"api": options["api_base"]})
    listed = client.v1.events.list({"type": "checkout.session.completed", "limit": 100})
    return [json.dumps(event.to_dict(), indent=2).encode() for event in listed.auto_paging_iter()]


async def _send(house: System, events: Sequence[bytes], *, a_second: float) -> tuple[list[float], int, float]:
    """Seconds each took from when it was due, how many were answered well, and the seconds for all of them."""
    from django.conf import settings

    secret = settings.GATEWAYS["stripe"]["webhook_secrets"].split(",")[0]
    client, began = Client(house.url), time.perf_counter() + 0.1
    took: list[float] = []
    good = 0

    async def send(number: int, body: bytes) -> None:
        nonlocal good
        due = began + number / a_second
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        signed = _signature(body, secret)
        try:
            answer = await client.call(
                "POST", HOOK, body, stripe_signature=signed, content_type="application/json; charset=utf-8"
            )
            good += answer.status == 200
        except Unreachable:
            pass
        took.append(time.perf_counter() - due)

    await asyncio.gather(*(send(number, body) for number, body in enumerate(events)))
    all_s = time.perf_counter() - began
    await client.close()
    return took, good, all_s


def _signature(body: bytes, secret: str) -> str:
    at = int(time.time())
    mark = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={mark}"


def _waiting() -> int:
    from payments.models import Notice, NoticeState

    return Notice.objects.filter(state=NoticeState.WAITING).count()


def _drain() -> bool:
    """Whether nothing waits any more, within the time that is given."""
    end = time.monotonic() + DRAINED_WITHIN_S
    while _waiting():
        if time.monotonic() > end:
            return False
        time.sleep(0.2)
    return True


def _lost(answered: int) -> int:
    """Notices that were answered and whose payment brought no coins."""
    from payments.models import Lot, Notice, NoticeState

    done = Notice.objects.filter(state=NoticeState.DONE).count() - WARM
    credited = Lot.objects.exclude(top_up=None).count() - WARM
    return max(0, answered - min(done, credited))
