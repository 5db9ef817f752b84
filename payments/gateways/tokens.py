"""Access tokens that a provider gives for our keys: one a process, renewed before its end and when it is refused."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from payments.gateways.base import GatewayRefused
from payments.gateways.calls import Answered

_EARLY_S = 60


@dataclass
class Token:
    """`ask` fetches one; its answer holds the token and its life in seconds under `names`."""

    ask: Callable[[], Answered]
    names: tuple[str, str]
    text: str = ""
    until: float = 0.0

    def call(self, send: Callable[[str], Answered]) -> Answered:
        """`send` with the token; once more with a new one where it is refused. Raises GatewayAway, GatewayRefused."""
        answer = send(self._current())
        if answer.status == 401:
            self.text = ""
            answer = send(self._current())
        return answer

    def _current(self) -> str:
        if not self.text or time.monotonic() > self.until:
            answer = self.ask()
            found: Any = answer.body.get(self.names[0])
            if answer.status >= 300 or not isinstance(found, str):
                raise GatewayRefused(f"no token for our keys: {answer.status}")
            self.text, self.until = found, time.monotonic() + int(answer.body.get(self.names[1]) or 0) - _EARLY_S
        return self.text
