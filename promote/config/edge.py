"""`python -m promote.config.edge`: decisions, events and live figures, a process a core."""

import argparse
import contextlib
import errno
import multiprocessing
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import wait
from multiprocessing.context import ForkProcess
from types import FrameType

from promote.config import children, crashes

ENDS_WITHIN_S = 10.0
"""Longer than an edge waits for its own answers."""
AGAIN_AFTER_S = 1.0
"""A process that died is not started again sooner after the last time."""
LOOKS_EVERY_S = 0.1
_forking = multiprocessing.get_context("fork")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="edge", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=_number(1, 65535), default=8001)
    parser.add_argument("--workers", type=_number(1, 256), default=1, help="processes that share the port (1)")
    asked = parser.parse_args(arguments)
    crashes.tell_privately()
    _check_place(asked.host, asked.port)
    if asked.workers == 1:
        _serve(asked.host, asked.port, is_shared=False, began=lambda: None)
        return 0
    return Pool(asked.host, asked.port, asked.workers).run()


def _number(least: int, most: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        if text.isdecimal() and least <= int(text) <= most:
            return int(text)
        raise argparse.ArgumentTypeError(f"{text} is no number from {least} to {most}")

    return number


def _check_place(host: str, port: int) -> None:
    """Two that share their ports would both be let in, and each be asked for what is the other's."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        is_the_systems = error.errno is not None and error.errno in errno.errorcode
        sys.exit(_cant_listen(host, port, os.strerror(error.errno or 0) if is_the_systems else str(error)))


def _cant_listen(host: str, port: int, why: str) -> str:
    return f"The edge can't listen on {host}:{port}: {why}. Choose another place with --port N or --host ADDRESS."


def _serve(host: str, port: int, *, is_shared: bool, began: Callable[[], None], is_silent: bool = False) -> None:
    children.die_with_parent()
    # What a parent does when it is told to end is not for its children.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.environ["DJANGO_SETTINGS_MODULE"] = "promote.config.settings_of_edge"
    with crashes.told_privately(is_silent=is_silent):
        import uvloop

        from delivery.edge import CantListen, serve

        try:
            uvloop.run(serve(host=host, port=port, is_shared=is_shared, began=began))
        except CantListen as error:
            sys.exit(_cant_listen(host, port, str(error)))


def _share_cores(workers: int) -> None:
    """Where there are more of them than cores, each would take the core from another in the middle of its turn
    whenever a request comes: they wait for their turn, and find several requests then."""
    if workers > len(os.sched_getaffinity(0)):
        with contextlib.suppress(PermissionError):  # it is slower then, no more
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


class Pool:
    """Processes that share a port. What dies is started again; where the first never listened, it has said why for all
    of them, and there is nothing to start again."""

    def __init__(self, host: str, port: int, workers: int) -> None:
        self._host, self._port = host, port
        _share_cores(workers)
        self._listens = _forking.Event()
        self._is_ending = False
        self._running = [self._started(is_silent=place > 0) for place in range(workers)]

    def run(self) -> int:
        """Until told to end. The exit code."""
        signal.signal(signal.SIGTERM, self._end)
        signal.signal(signal.SIGINT, self._end)
        first = self._running[0]
        while not self._is_ending and not self._listens.wait(LOOKS_EVERY_S):
            if not first.is_alive():
                self._end_all()
                return first.exitcode or 1
        while not self._is_ending:
            wait([process.sentinel for process in self._running], timeout=AGAIN_AFTER_S)
            self._start_again()
        self._end_all()
        return 0

    def _start_again(self) -> None:
        for place, process in enumerate(self._running):
            if not self._is_ending and not process.is_alive():
                print(f"A process of the edge ended ({process.exitcode}); another one is started.", file=sys.stderr)
                time.sleep(AGAIN_AFTER_S)
                self._running[place] = self._started()

    def _end_all(self) -> None:
        self._end()
        for process in self._running:
            process.join(ENDS_WITHIN_S)
            process.kill()

    def _started(self, *, is_silent: bool = False) -> ForkProcess:
        shared = {"is_shared": True, "began": self._listens.set, "is_silent": is_silent}
        process = _forking.Process(target=_serve, args=(self._host, self._port), kwargs=shared, name="edge")
        process.start()
        return process

    def _end(self, _number: int = 0, _frame: FrameType | None = None) -> None:
        self._is_ending = True
        for process in self._running:
            process.terminate()


if __name__ == "__main__":
    sys.exit(main())
