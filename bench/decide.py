"""Decisions a second on one core, beside a bare Granian "hello" and one that only decodes and encodes the same bodies.

1,000 live orders of which ten fit each viewer, then 100,000. The application that is measured has the first core, the
client (wrk) and Redis another. Each figure is the median of rounds in which yardsticks and engine take turns.
"""

import argparse
import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from statistics import median, quantiles
from typing import Any
from urllib.request import Request, urlopen

from bench import alone, elsewhere, live_orders, load
from bench.alone import Served
from bench.load import Load
from bench.running import Say
from delivery.engine.vocabulary import AGE_BANDS

CONNECTIONS = 32
ROUNDS, ROUND_S = 3, 4.0
FEW, MANY = 1_000, 100_000
VIEWERS = 50_000
FORECASTS = 200
LOAD = 0.7
LOAD_ROUNDS, LOAD_ROUND_S, AROUND_S = 5, 8.0, 2.0
PACED_ROUNDS = 7
BESIDE_ROUNDS = 15
"""Two edges in turns: the machine's speed changes between any two of them."""


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--cluster", action="store_true", help="the hot data on a Redis Cluster of three nodes")
    parser.add_argument(
        "--processes", type=int, nargs="*", default=[], help="edges of so many processes, on all cores, beside one"
    )


def run(say: Say, *, cluster: bool = False, processes: Sequence[int] = ()) -> dict[str, Any]:
    with (
        alone.house(say, hot="cluster" if cluster else "socket"),
        alone.granian("bench.yardsticks.hello:app", "asgi") as hello,
        alone.granian("bench.yardsticks.codec:app", "rsgi") as codec,
    ):
        key = live_orders.a_key()
        live_orders.history()
        yardsticks = {"hello": hello, "codec": codec}
        few = _measured(say, FEW, key, yardsticks, in_full=True)
        wider = {f"{count}_processes_vs_1": _wider(say, count, key) for count in processes}
        if cluster:
            wider["three_nodes_vs_one"] = _on_nodes(say, key)
        many = _measured(say, MANY, key, yardsticks, in_full=False)
    of_hello = few["decide"] / few["hello"]
    return {
        "bench": "decide",
        "client": "wrk" if load.WRK else "our own",
        "decisions_vs_hello": round(of_hello, 3),
        "decisions_vs_codec": round(few["decide"] / few["codec"], 3),
        "speed_100k_vs_1k": round(many["decide"] / many["hello"] / of_hello, 3),
        "p99_ms_at_70_percent": round(few["p99_ms"], 2),
        "hello_p99_ms_at_70_percent": round(few["hello_p99_ms"], 2),
        "paced_vs_still": round(few["paced_vs_still"], 3),
        "bytes_per_order": round((many["memory_bytes"] - few["memory_bytes"]) / (MANY - FEW)),
        "cold_start_100k_s": round(many["ready_s"], 2),
        "forecast_p99_ms": round(max(few["forecast_ms"], many["forecast_ms"]), 1),
        "load_at_p99": round(few["load"], 3),
        "per_s": {"hello": round(few["hello"]), "codec": round(few["codec"]), "decide_1k": round(few["decide"]),
                  "decide_100k": round(many["decide"]), "hello_beside_100k": round(many["hello"])},
        "per_cpu_s": {name: round(few[f"{name}_per_cpu_s"]) for name in (*yardsticks, "decide")}
        | {"decide_100k": round(many["decide_per_cpu_s"])},
        "filled": {"1k": few["filled"], "100k": many["filled"]},
        "bad": few["bad"] + many["bad"],
        "on_a_cluster": cluster,
        **wider,
    }  # fmt: skip


def _measured(say: Say, orders: int, key: str, yardsticks: dict[str, Served], *, in_full: bool) -> dict[str, float]:
    """Figures of an edge that has just started over so many live orders. `in_full`: at a part of its load as well, and
    beside a pacer."""
    say(f"{orders} live orders")
    live_orders.sell(orders)
    bodies = _bodies(orders)
    with alone.edge() as edge:
        say(f"ready {edge.ready_s:.2f} s after its start")
        told = _rounds(say, {**yardsticks, "decide": edge}, bodies, key)
        more: dict[str, float] = {}
        if in_full:
            more = {
                **_at_load(say, {"hello": yardsticks["hello"], "decide": edge}, bodies, key),
                **_beside_pacer(say, edge, bodies, key),
            }
        return {
            **told,
            **more,
            "ready_s": edge.ready_s,
            "memory_bytes": edge.memory_bytes,
            "filled": _filled(edge, bodies[:300], key),
            # By now the edge has told whom a draft would meet.
            "forecast_ms": _forecasts(say),
        }


def _forecasts(say: Say) -> float:
    """The slowest of a hundred estimates of draft orders, in milliseconds, as the order form asks for them."""
    from analytics import foreseeing
    from delivery import learning
    from promote.markets.models import Market

    now, market = datetime.now(UTC), Market.objects.get(code="US")
    learning.learn_prices(now=now)
    took = []
    for number in range(FORECASTS):
        began = time.perf_counter()
        foreseeing.estimate(
            market=market, objective="video_views", budget_coins=300 + 17 * number, duration_s=86_400,
            audience={"countries": ["US"], "age_bands": AGE_BANDS[: number % 5]}, now=now,
        )  # fmt: skip
        took.append(time.perf_counter() - began)
    slowest = 1000 * quantiles(took, n=100)[98]
    say(f"an estimate takes {1000 * median(took):.1f} ms, the slowest of a hundred {slowest:.1f}")
    return slowest


def _wider(say: Say, processes: int, key: str) -> float:
    """Decisions a second of so many processes by those of one, each on all cores, which the client and Redis share."""
    with (
        alone.edge(cores=alone.CORES) as one,
        alone.edge(cores=alone.CORES, processes=processes) as several,
    ):
        return _beside(say, f"{processes} processes on all cores", (several, key), (one, key))


def _on_nodes(say: Say, key: str) -> float:
    """Decisions a second on three nodes by those on one Redis that is reached in the same way, by its port. (Three on a
    socket each there are not.)"""
    with alone.edge() as three, elsewhere.edge(hot="loopback", orders=FEW) as one:
        return _beside(say, "on three nodes", (three, key), one)


def _beside(say: Say, what: str, these: tuple[Served, str], those: tuple[Served, str]) -> float:
    """Decisions a second of these by those of the others, in turns."""
    bodies, ratios = _bodies(FEW), []
    for edge, key in (these, those):
        _press(edge, bodies, key, seconds=AROUND_S)
    for number in range(BESIDE_ROUNDS):
        took = {id(edge): _press(edge, bodies, key, seconds=AROUND_S).per_s
                for edge, key in ((these, those) if number % 2 else (those, these))}  # fmt: skip
        ratios.append(took[id(these[0])] / took[id(those[0])])
    low, middle, high = quantiles(ratios, n=4)
    say(f"{what} {middle:.2f} of one, half of {BESIDE_ROUNDS} rounds between {low:.2f} and {high:.2f}")
    return round(middle, 3)


def _bodies(orders: int) -> list[str]:
    return [
        json.dumps({"viewer": viewer, "surface": "feed", "slots": [{"floor_micros": 0}]}, separators=(",", ":"))
        for viewer in live_orders.viewers(orders, VIEWERS)
    ]


def _rounds(say: Say, applications: dict[str, Served], bodies: list[str], key: str) -> dict[str, float]:
    """Calls a second, in turns; and how many answers were bad."""
    loads: dict[str, list[Load]] = {name: [] for name in applications}
    cpu_s = dict.fromkeys(applications, 0.0)
    for number in range(ROUNDS):
        for name, application in applications.items():
            before = application.cpu_s
            loads[name].append(_press(application, bodies, key, seconds=ROUND_S))
            cpu_s[name] += application.cpu_s - before
        say(f"round {number + 1}: " + ", ".join(f"{name} {some[-1].per_s:.0f}/s" for name, some in loads.items()))
    told: dict[str, float] = {name: median(one.per_s for one in some) for name, some in loads.items()}
    told |= {f"{name}_per_cpu_s": sum(one.requests for one in some) / cpu_s[name] for name, some in loads.items()}
    return {**told, "bad": sum(one.bad for some in loads.values() for one in some)}


def _at_load(say: Say, applications: dict[str, Served], bodies: list[str], key: str) -> dict[str, float]:
    """The slowest of a hundred answers where calls come at random, at LOAD of what each application can do, in turns.

    What it can do is asked anew before each round, and after it: the machine's speed changes between two of them.
    """
    connections, answered_ms = 4 * CONNECTIONS, dict.fromkeys(applications, 2.0)
    loads: dict[str, list[float]] = {name: [] for name in applications}
    slowest: dict[str, list[float]] = {name: [] for name in applications}
    for _ in range(LOAD_ROUNDS):
        for name, application in applications.items():
            before = _press(application, bodies, key, seconds=AROUND_S).per_s
            # A connection calls again so long after its last call: it waits for the answer, then pauses.
            pause_ms = max(1.0, 1000 * connections / (LOAD * before) - answered_ms[name])
            told = _press(application, bodies, key, seconds=LOAD_ROUND_S, connections=connections, pause_ms=pause_ms)
            after = _press(application, bodies, key, seconds=AROUND_S).per_s
            loads[name].append(told.per_s / ((before + after) / 2))
            slowest[name].append(told.p99_ms)
            answered_ms[name] = told.p50_ms
            say(f"{name} at {loads[name][-1]:.2f} of {before:.0f} and {after:.0f} a second: p99 {told.p99_ms:.2f} ms")
    return {
        "p99_ms": median(slowest["decide"]),
        "load": median(loads["decide"]),
        "hello_p99_ms": median(slowest["hello"]),
    }


def _beside_pacer(say: Say, edge: Served, bodies: list[str], key: str) -> dict[str, float]:
    """Decisions per second of its core while prices move, by those while they stand, in turns."""
    ratios = []
    for _ in range(PACED_ROUNDS):
        still = _per_cpu_s(edge, bodies, key)
        with live_orders.paced():
            _press(edge, bodies, key, seconds=1)
            ratios.append(_per_cpu_s(edge, bodies, key) / still)
    say(f"beside a pacer {median(ratios):.2f} of the decisions that it makes where prices stand")
    return {"paced_vs_still": median(ratios)}


def _per_cpu_s(edge: Served, bodies: list[str], key: str) -> float:
    before = edge.cpu_s
    told = _press(edge, bodies, key, seconds=AROUND_S)
    return told.requests / (edge.cpu_s - before)


def _press(
    application: Served,
    bodies: list[str],
    key: str,
    *,
    seconds: float,
    connections: int = CONNECTIONS,
    pause_ms: float = 0,
) -> Load:
    url = f"{application.url}/v1/decide"
    return load.press(
        url, bodies, authorization=f"Api-Key {key}", connections=connections, seconds=seconds, pause_ms=pause_ms
    )


def _filled(edge: Served, bodies: list[str], key: str) -> float:
    """The share of slots that got an order."""
    headers = {"Authorization": f"Api-Key {key}", "Content-Type": "application/json"}
    filled = 0
    for body in bodies:
        asked = Request(f"{edge.url}/v1/decide", body.encode(), headers)  # noqa: S310  (our own address)
        with urlopen(asked) as answer:  # noqa: S310
            filled += "token" in json.load(answer)["decisions"][0]
    return round(filled / len(bodies), 3)
