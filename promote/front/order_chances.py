"""Why an order spends as it does: the last hour's chances on its page, in one sentence with what stands behind it."""

import logging
from dataclasses import dataclass
from datetime import datetime

from redis.exceptions import RedisError

from delivery import diagnosis
from delivery.diagnosis import Diagnosis
from orders.models import Order, Status
from promote.front import words
from promote.front.parts import Share
from promote.refusals import Text

log = logging.getLogger(__name__)

PILLS = {"on_plan": words.ON_PLAN, "starting": words.JUST_BEGUN}
"""By the first advice; with any other it is behind."""


@dataclass(frozen=True, slots=True)
class Chances:
    """`answer`: one sentence, `besides` what else would help; then how many chances there were, and what became of
    those that fit."""

    pill: words.Pill
    answer: Text
    besides: list[Text]
    spent_micros: int
    planned_micros: int
    """What an even spend would have come to by now."""
    there: list[Share]
    fates: list[Share]

    @property
    def is_behind(self) -> bool:
        """Whether less is spent than planned: only then do both amounts say something to its owner."""
        return self.spent_micros < self.planned_micros


def of(order: Order, *, now: datetime) -> Chances | None:
    """None where it does not run, or where nobody can say just now: the page does without."""
    if order.status != Status.DELIVERING:
        return None
    try:
        found = diagnosis.of(order, now=now)
    except RedisError as error:
        log.warning("order %s: why it is slow can't be read: %s", order.public_id, error)
        return None
    return told(found)


def told(found: Diagnosis) -> Chances:
    code, answer = found.advice[0]
    return Chances(
        pill=PILLS.get(code, words.BEHIND),
        answer=answer,
        besides=[sentence for _code, sentence in found.advice[1:]],
        spent_micros=found.spent_micros,
        planned_micros=found.planned_micros,
        there=_shares(found, diagnosis.CHANCES, of=found.funnel["considered"]),
        fates=_shares(found, diagnosis.FATES, of=found.funnel["targeted"]),
    )


def _shares(found: Diagnosis, names: dict[str, Text], *, of: int) -> list[Share]:
    """Each beside the whole; none where there is no whole."""
    if not of:
        return []
    return [Share(name, found.funnel[stage], of, is_main=stage == "shown") for stage, name in names.items()]
