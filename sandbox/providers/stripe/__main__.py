"""`python -m sandbox.providers.stripe --port 4242 --data var/stripe --webhook-url http://127.0.0.1:8000/…`"""

from __future__ import annotations

import argparse
import json
import logging
import sys
from pathlib import Path

from sandbox.providers.plumbing.outbox import Outbox, Target
from sandbox.providers.plumbing.server import opened
from sandbox.providers.plumbing.store import Store

from . import API_VERSION, webhooks
from .server import serve
from .world import World

# Not secrets: a stand-in's keys open nothing. The same defaults stand in the house's development settings.
SECRET_KEY = "sk_test_sandbox"  # noqa: S105
WEBHOOK_SECRET = "whsec_sandbox"  # noqa: S105


def main() -> int:
    asked = _arguments()
    logging.basicConfig(level=asked.log_level.upper(), format="%(asctime)s stripe  %(message)s", datefmt="%H:%M:%S")
    server = opened(asked.port)
    address = f"http://127.0.0.1:{server.server_port}"
    store = Store(Path(asked.data) / "stripe.sqlite3")
    target = Target(url=asked.webhook_url, secrets=asked.webhook_secret or [WEBHOOK_SECRET])
    world = World(
        store=store,
        outbox=Outbox(store, target, webhooks.compose),
        secret_key=asked.secret_key,
        base_url=(asked.public_url or address).rstrip("/"),
        debits_settle_after_s=asked.debits_settle_after,
    )
    print(json.dumps({"listening": address, "api_version": API_VERSION}), flush=True)
    serve(world, server)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sandbox.providers.stripe", description=__doc__)
    parser.add_argument("--port", type=int, default=4242, help="on 127.0.0.1; 0 takes a free one and prints it")
    parser.add_argument("--data", required=True, help="folder of its state, made where it is missing")
    parser.add_argument("--public-url", help="how a browser reaches it, where that is not the loopback address")
    parser.add_argument("--webhook-url", default="", help="where signed notices go; none are sent without it")
    parser.add_argument("--webhook-secret", action="append", help="twice while one is being replaced")
    parser.add_argument("--secret-key", default=SECRET_KEY)
    parser.add_argument("--debits-settle-after", type=float, help="seconds; not by themselves without it")
    parser.add_argument("--log-level", default="warning", choices=["debug", "info", "warning", "error"])
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
