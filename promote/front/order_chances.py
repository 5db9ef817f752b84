"""Why an order spends as it does: the last hour's chances on its page, in words with advice."""

import logging
from dataclasses import dataclass
from datetime import datetime

from redis.exceptions import RedisError

from delivery import diagnosis
from orders.models import Order, Status
from promote.front import words
from promote.refusals import Text

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Chances:
    """`funnel`: how often, and what became of it."""

    advice: list[Text]
    funnel: list[tuple[Text, int]]


def of(order: Order, *, now: datetime) -> Chances | None:
    """None where it does not run, or where nobody can say just now: the page does without."""
    if order.status != Status.DELIVERING:
        return None
    try:
        found = diagnosis.of(order, now=now)
    except RedisError as error:
        log.warning("order %s: why it is slow can't be read: %s", order.public_id, error)
        return None
    return Chances(
        advice=[sentence for _code, sentence in found.advice],
        funnel=[(label, found.funnel[stage]) for stage, label in words.CHANCES.items()],
    )
