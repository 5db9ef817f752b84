"""An edge over live orders in a house of another process: edges whose hot data lies in different places take turns."""

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from typing import cast

from bench import alone, live_orders
from bench.alone import Hot, Served
from bench.running import say
from bench.system import HOUSE


@contextlib.contextmanager
def edge(*, hot: Hot, orders: int) -> Iterator[tuple[Served, str]]:
    """It, and a key of its platform. It ends with this process. Raises RuntimeError where it does not start."""
    # This process has given the first core away.
    cores = ",".join(map(str, alone.CORES))
    with subprocess.Popen(
        ["taskset", "-c", cores, sys.executable, "-m", "bench.elsewhere", hot, str(orders)],
        cwd=HOUSE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        told = process.stdout.readline()
        if not told:
            raise RuntimeError("The other house did not start; see above.")
        its = json.loads(told)
        try:
            yield Served(its["url"], its["pid"], its["ready_s"]), its["key"]
        finally:
            process.stdin.close()


def _stand(hot: Hot, orders: int) -> None:
    """Until its input ends."""
    with alone.house(say, hot=hot):
        key = live_orders.a_key()
        live_orders.history()
        live_orders.sell(orders)
        with alone.edge() as served:
            its = {"url": served.url, "pid": served.pid, "ready_s": served.ready_s, "key": key}
            print(json.dumps(its), flush=True)
            sys.stdin.read()


if __name__ == "__main__":
    _stand(cast(Hot, sys.argv[1]), int(sys.argv[2]))
