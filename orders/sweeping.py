"""Sweeping: doing what time decides to many orders, so that one that can't be done holds up no other."""

import logging
from collections.abc import Callable, Iterable
from uuid import UUID

from django.db import transaction

from promote.halving import of_the_database

log = logging.getLogger(__name__)


def each(ids: Iterable[UUID], work: Callable[[UUID], int]) -> int:
    """Does each in a transaction (or savepoint) of its own, and logs those that fail. The sum of what `work` answers.

    A failing database is no matter of one order: that passes through.
    """
    done = 0
    for id_ in ids:
        try:
            with transaction.atomic():
                done += work(id_)
        except Exception as error:
            if of_the_database(error):
                raise
            log.exception("sweeping: %s of %s failed", getattr(work, "__name__", work), id_)
    return done
