import argparse
import contextlib
import json
import os
import sys
from pathlib import Path

from sandbox.phone.phone import Phone
from sandbox.providers.plumbing import server


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m sandbox.phone", description=Phone.__doc__)
    parser.add_argument("--port", type=int, default=0, help="on 127.0.0.1; 0 takes a free one and prints it")
    parser.add_argument("--data", required=True, type=Path, help="the system's data folder, where the demo was loaded")
    asked = parser.parse_args()
    stores = {"apple": os.environ["APPLE_API_BASE"], "google": os.environ["GOOGLE_PLAY_API_BASE"]}
    here, phone = server.opened(asked.port), Phone(asked.data, stores)
    here.RequestHandlerClass = type("BoundHandler", (server.Handler,), {"route": staticmethod(phone.route)})
    print(json.dumps({"listening": f"http://127.0.0.1:{here.server_port}"}), flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        here.serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main())
