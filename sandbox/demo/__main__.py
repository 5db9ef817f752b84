"""`python -m sandbox.demo --url URL --edge URL --data DIR`: loads the demo; the last line is one JSON object."""

import argparse
import asyncio
import json
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
    asked = parser.parse_args()
    demo = Demo(asked.url.rstrip("/"), asked.edge.rstrip("/"), asked.data, say)
    try:
        told = asyncio.run(demo.load())
    except (Failed, Refused, Unreachable) as error:
        say(f"demo: {error}")
        return 1
    print(json.dumps(told, ensure_ascii=False))
    return 0


if __name__ == "__main__":
    sys.exit(main())
