"""`python -m sandbox.demo --url URL --edge URL --data DIR`: loads the demo; the last line is one JSON object.

With `--go-on` it looks after a demo that has been loaded, until it is stopped.
"""

import argparse
import asyncio
import contextlib
import json
import signal
import sys
from pathlib import Path

from sandbox.demo.seed import Demo, Failed, Refused, Unreachable


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="script/seed", description="Loads the demo, or what is missing of it.")
    parser.add_argument("--url", default="http://127.0.0.1:8000", help="the web process (http://127.0.0.1:8000)")
    parser.add_argument("--edge", default="http://127.0.0.1:8001", help="the delivery edge (http://127.0.0.1:8001)")
    parser.add_argument("--data", type=Path, default=Path("var"), help="the system's data folder (var)")
    parser.add_argument("--phone", default="", metavar="URL", help="the phone that buys in the stores' stand-ins")
    parser.add_argument("--go-on", action="store_true", help="place a short order anew while too few are alive")
    parser.add_argument("--every", type=float, default=45, metavar="S", help="seconds between two looks at them (45)")
    asked = parser.parse_args()
    demo = Demo(asked.url.rstrip("/"), asked.edge.rstrip("/"), asked.data, say, phone=asked.phone)
    if asked.go_on:
        asyncio.run(_until_stopped(demo, every_s=asked.every))
        return 0
    try:
        told = asyncio.run(demo.load())
    except (Failed, Refused, Unreachable) as error:
        say(f"demo: {error}")
        return 1
    print(json.dumps(told, ensure_ascii=False))
    return 0


async def _until_stopped(demo: Demo, *, every_s: float) -> None:
    going = asyncio.create_task(demo.go_on(every_s=every_s))
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, going.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await going


if __name__ == "__main__":
    sys.exit(main())
