"""One readable log of many processes: `12:03:05 web      …`, on the terminal in colour, in a file without."""

import sys
import threading
from datetime import datetime
from pathlib import Path
from typing import IO

from promote.config.engines import capped

WIDTH = 9
LOOK_AT_SIZE_EVERY = 1000
COLOURS = {
    "web": 36,
    "edge": 35,
    "worker": 33,
    "delivery": 33,
    "stops": 33,
    "beat": 90,
    "stripe": 34,
    "paypal": 34,
    "doku": 34,
    "2c2p": 34,
    "audience": 32,
    "demo": 32,
    "promote": 1,
}


class ReadableLog:
    """Takes lines from any thread, whole lines at a time."""

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self._path = file
        self._file = capped(file).open("a", buffering=1)
        self._lock = threading.Lock()
        self._colour = sys.stdout.isatty()
        self._lines = 0
        self._heard = True

    def line(self, name: str, text: str) -> None:
        at = datetime.now().astimezone().strftime("%H:%M:%S")
        with self._lock:
            label = f"\033[{COLOURS.get(name, 0)}m{name:<{WIDTH}}\033[0m" if self._colour else f"{name:<{WIDTH}}"
            self._write(f"{at} {name:<{WIDTH}}{text}", shown=f"{at} {label}{text}")

    def plain(self, text: str) -> None:
        """A line of ours to whoever sits at the terminal, as it is."""
        with self._lock:
            self._write(text, shown=text)

    def follow(self, name: str, stream: IO[bytes]) -> threading.Thread:
        """Copies a process's output line by line until it ends."""
        thread = threading.Thread(target=self._copy, args=(name, stream), name=f"log of {name}", daemon=True)
        thread.start()
        return thread

    def _write(self, text: str, *, shown: str) -> None:
        self._lines += 1
        if self._lines % LOOK_AT_SIZE_EVERY == 0:
            self._file.close()
            self._file = capped(self._path).open("a", buffering=1)
        self._file.write(f"{text}\n")
        if self._heard:
            try:
                print(shown, flush=True)
            except OSError:  # the terminal was closed, or the reader of our pipe has gone; the file goes on
                self._heard = False

    def _copy(self, name: str, stream: IO[bytes]) -> None:
        for raw in stream:
            text = raw.decode("utf-8", "replace").rstrip()
            if text:
                self.line(name, text)
