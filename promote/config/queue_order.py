"""In which order a worker looks at its queues."""

from collections.abc import Iterable
from typing import Any

from kombu.utils.scheduling import round_robin_cycle

LAST = "documents"


class DocumentsLast(round_robin_cycle):  # type: ignore[type-arg]
    """Queues take turns; PDFs are made when nothing else waits. Whoever wants one at once has it made by asking."""

    items: list[str]

    def update(self, it: Iterable[Any]) -> None:
        super().update(it)
        self._put_last()

    def rotate(self, last_used: Any) -> None:
        super().rotate(last_used)
        self._put_last()

    def _put_last(self) -> None:
        self.items.sort(key=lambda queue: queue == LAST)
