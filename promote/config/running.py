"""Processes kept running: started, watched, started again when they die, stopped in order."""

import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from promote.config import children
from promote.config.processes import Process
from promote.config.readable_log import ReadableLog

LONGEST_WAIT_S = 30.0
STEADY_AFTER_S = 60.0


class Running:
    """One process, and how often it died lately."""

    def __init__(self, process: Process, *, environment: Mapping[str, str], cwd: Path, log: ReadableLog) -> None:
        self.process, self._environment, self._cwd, self._log = process, environment, cwd, log
        self._deaths = 0
        self._child: subprocess.Popen[bytes] | None = None
        self._started_at = self._start_again_at = 0.0
        self.start()

    def start(self) -> None:
        self._child = children.spawn(
            self.process.arguments,
            environment=self._environment,
            cwd=self._cwd,
            output=subprocess.PIPE,
            death_signal=self.process.death_signal,
        )
        self._started_at = time.monotonic()
        assert self._child.stdout is not None
        self._log.follow(self.process.name, self._child.stdout)

    @property
    def exit_code(self) -> int | None:
        return None if self._child is None else self._child.poll()

    def look_after(self) -> None:
        """Starts it again when it has died, after 1, 2, 4 … 30 seconds while it keeps dying."""
        now = time.monotonic()
        if self._child is not None and (code := self._child.poll()) is not None:
            children.end_group(self._child.pid)
            self._deaths = 0 if now - self._started_at > STEADY_AFTER_S else self._deaths + 1
            wait_s = min(LONGEST_WAIT_S, 2.0 ** max(0, self._deaths - 1))
            self._log.line("promote", f"{self.process.name} ended ({_how(code)}); starting it again in {wait_s:.0f} s")
            self._child, self._start_again_at = None, now + wait_s
        if self._child is None and now >= self._start_again_at:
            self.start()

    def stop(self) -> None:
        if self._child is not None:
            children.stop(self._child, escalation=self.process.escalation)
            self._child = None


def _how(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"
