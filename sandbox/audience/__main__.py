"""`python -m sandbox.audience --edge URL --key KEY`, or `--data DIR` of a system whose demo has been loaded."""

import argparse
import asyncio
import contextlib
import json
import random
import signal
import sys
from pathlib import Path

from sandbox.audience.curves import PRICES_SINCE
from sandbox.audience.people import MARKETS, Audience
from sandbox.audience.replay import Content, KeyRefused, Plan, Replay
from sandbox.http import Client


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="script/simulate", description="A simulated audience, over HTTP.")
    parser.add_argument("--data", type=Path, help="the data folder of a running system: finds its edge and key there")
    parser.add_argument("--edge", help="the edge's address")
    parser.add_argument("--key", help="a platform key with the scope delivery")
    parser.add_argument("--viewers-per-second", type=float, default=40, help="decisions a second, a day's mean (40)")
    parser.add_argument("--minutes", type=float, help="how long; without it until it is stopped")
    parser.add_argument("--markets", help="some of " + ",".join(market.country for market in MARKETS) + " (all)")
    parser.add_argument("--least", type=float, default=0.5, metavar="SHARE",
                        help="the quietest hour's traffic, as a share of the mean (0.5; 0: as in the log)")  # fmt: skip
    parser.add_argument("--floors", type=float, default=PRICES_SINCE, metavar="FACTOR",
                        help=f"price level of the competition, times the log's ({PRICES_SINCE})")  # fmt: skip
    parser.add_argument("--seed", type=int, help="the same draws again")
    asked = parser.parse_args()
    if not (asked.data or (asked.edge and asked.key)):
        parser.error("give --data DIR of a running system, or --edge URL and --key KEY")
    return asked


def chosen(names: str | None) -> tuple[Audience, ...]:
    if not names:
        return MARKETS
    known = {market.country: market for market in MARKETS}
    wanted = [name.strip().upper() for name in names.split(",")]
    unknown = [name for name in wanted if name not in known]
    if unknown:
        sys.exit(f"No audience for {', '.join(unknown)}. There is one for {', '.join(known)}.")
    return tuple(known[name] for name in wanted)


def remembered(folder: Path | None) -> dict[str, object]:
    """What the demo left in the data folder: edge, key, targets."""
    if folder is None:
        return {}
    try:
        return dict(json.loads((folder / "demo.json").read_text()))
    except FileNotFoundError:
        sys.exit(f"There is no demo.json in {folder}: load the demo first (script/seed --data {folder}).")


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


async def main() -> int:
    asked = arguments()
    memory = remembered(asked.data)
    edge, key = str(asked.edge or memory["edge"]), str(asked.key or memory["key"])
    plan = Plan(chosen(asked.markets), asked.viewers_per_second, asked.least, asked.floors)
    products = memory.get("with_product", [])
    content = Content(with_product=frozenset(products if isinstance(products, list) else []))
    client = Client(edge, {"Authorization": f"Api-Key {key}"})
    replay = Replay(client, plan, content, random.Random(asked.seed), say)
    say(f"audience: {plan.per_second:g} decisions/s for {edge}, in {', '.join(m.country for m in plan.markets)}")
    running = asyncio.create_task(replay.run(seconds=asked.minutes * 60 if asked.minutes else None))
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, running.cancel)
    code = 0
    try:
        with contextlib.suppress(asyncio.CancelledError):
            await running
    except* KeyRefused as refused:
        say(str(refused.exceptions[0]))
        code = 1
    finally:
        await client.close()
    print(json.dumps({"counts": dict(replay.counts), "refused": dict(replay.refusals)}))
    return code


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
