"""`python -m promote.config.edge`: decisions, events and live figures, a process a core."""

import argparse
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Sequence
from multiprocessing.connection import wait
from multiprocessing.context import ForkProcess
from types import FrameType

from promote.config import children

ENDS_WITHIN_S = 10.0
"""Longer than an edge waits for its own answers."""
AGAIN_AFTER_S = 1.0
"""A process that died is not started again sooner after the last time."""
_forking = multiprocessing.get_context("fork")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="edge", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8001)
    parser.add_argument("--workers", type=int, default=1, help="processes that share the port (1)")
    asked = parser.parse_args(arguments)
    if asked.workers == 1:
        _serve(asked.host, asked.port, is_shared=False)
        return 0
    return _look_after(asked.host, asked.port, asked.workers)


def _serve(host: str, port: int, *, is_shared: bool) -> None:
    children.die_with_parent()
    # What a parent does when it is told to end is not for its children.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.environ["DJANGO_SETTINGS_MODULE"] = "promote.config.settings_of_edge"
    import uvloop

    from delivery.edge import serve

    try:
        uvloop.run(serve(host=host, port=port, is_shared=is_shared))
    except OSError as error:
        sys.exit(f"The edge can't listen on {host}:{port}: {error}")


def _look_after(host: str, port: int, workers: int) -> int:
    """Starts again what dies, until told to end."""
    running = [_started(host, port) for _ in range(workers)]
    is_ending = False

    def end(_number: int, _frame: FrameType | None) -> None:
        nonlocal is_ending
        is_ending = True
        for process in running:
            process.terminate()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    while not is_ending:
        wait([process.sentinel for process in running], timeout=AGAIN_AFTER_S)
        for place, process in enumerate(running):
            if not is_ending and not process.is_alive():
                print(f"A process of the edge ended ({process.exitcode}); another one is started.", file=sys.stderr)
                time.sleep(AGAIN_AFTER_S)
                running[place] = _started(host, port)
    end(0, None)
    for process in running:
        process.join(ENDS_WITHIN_S)
        process.kill()
    return 0


def _started(host: str, port: int) -> ForkProcess:
    process = _forking.Process(target=_serve, args=(host, port), kwargs={"is_shared": True}, name="edge")
    process.start()
    return process


if __name__ == "__main__":
    sys.exit(main())
