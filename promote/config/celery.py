"""Workers and their clock. Settings under CELERY_ are the rest of it."""

import gc
import logging
import logging.config
import os
import signal
import sys
import threading
from typing import Any

from celery import Celery
from celery.beat import Service
from celery.signals import beat_init, setup_logging, task_postrun, task_prerun, worker_process_init

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "promote.config.settings")

app = Celery("promote")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

# Tasks of "celery" and "documents" may take minutes (a comparison with a provider, a batch of PDFs), "delivery" is late
# after a second, and of "stops" two are promised.
ROUTES = {
    "delivery.tasks.*": "delivery",
    "delivery.tasks.return_invalid": "celery",
    "orders.tasks.settle_due": "settlement",
    "outbox.relay_urgent": "stops",
    "payments.tasks.render_documents": "documents",
}
"""All others go to "celery"."""
QUEUES = ("celery", *sorted({*ROUTES.values()}))
"""What workers take from; `task_create_missing_queues` makes others by their first message."""

NICENESS = 3


def every(seconds: float, task: str) -> dict[str, Any]:
    """A beat entry. A run that could not begin within two periods is dropped: the next one does its work, and a
    worker that was away is not met by a pile of them."""
    return {"task": task, "schedule": seconds, "options": {"expires": max(2 * seconds, 2.0)}}


app.conf.update(
    # Celery closes the database's connection before and after each task; then each paid for a new server process, which
    # has read no table's shape and no function. `_keep_good_connections` closes those that are old or broken.
    CELERY_DB_REUSE_MAX=sys.maxsize,
    task_create_missing_queues=True,
    task_routes={task: {"queue": queue} for task, queue in ROUTES.items()},
    # A message that nobody confirmed is given to another worker after this long; longer than any task takes.
    broker_transport_options={
        "visibility_timeout": 900,
        "queue_order_strategy": "promote.config.queue_order:DocumentsLast",
    },
    beat_schedule={
        "outbox.relay": every(1, "outbox.relay"),
        "outbox.relay_urgent": every(1, "outbox.relay_urgent"),
        "outbox.forget_done": every(86_400, "outbox.forget_done"),
        "idempotency.forget": every(86_400, "idempotency.forget"),
        "keys.forget": every(86_400, "keys.forget"),
        "orders.tick": every(1, "orders.tasks.tick"),
        "orders.settle_due": every(2, "orders.tasks.settle_due"),
        "orders.alert_of_late": every(60, "orders.tasks.alert_of_late"),
        "coupons.expire_offers": every(60, "coupons.tasks.expire_offers"),
        "delivery.tick": every(0.5, "delivery.tasks.tick"),
        "delivery.partitions": every(3600, "delivery.tasks.partitions"),
        "delivery.return_invalid": every(600, "delivery.tasks.return_invalid"),
        "delivery.learn": every(30, "delivery.tasks.learn"),
        "analytics.foresee": every(60, "analytics.tasks.foresee"),
        "analytics.compare": every(3600, "analytics.tasks.compare"),
        "payments.poll_open_top_ups": every(30, "payments.tasks.poll_open_top_ups"),
        "payments.process_notices": every(10, "payments.tasks.process_notices"),
        "payments.forget_refused_notices": every(3600, "payments.tasks.forget_refused_notices"),
        "payments.catch_up": every(900, "payments.tasks.catch_up"),
        "payments.tell_all_delivered": every(60, "payments.tasks.tell_all_delivered"),
        "payments.release_saved_methods": every(60, "payments.tasks.release_saved_methods"),
        "payments.renew_saved_tokens": every(60, "payments.tasks.renew_saved_tokens"),
        "payments.renew_sealed_rows": every(60, "payments.tasks.renew_sealed_rows"),
        "payments.checkpoint": every(60, "payments.tasks.checkpoint"),
        "payments.seal": every(60, "payments.tasks.seal"),
        "payments.work_on_withdrawals": every(30, "payments.tasks.work_on_withdrawals"),
        "payments.issue_credit_notes": every(60, "payments.tasks.issue_credit_notes"),
        "payments.reconcile": every(86_400, "payments.tasks.reconcile"),
        "payments.expire_coins": every(60, "payments.tasks.expire_coins"),
    },
)


@setup_logging.connect
def _keep_djangos_logging(**_: Any) -> None:
    """Log as every other process does; without a line for each of the clock's several tasks a second, nor for those
    that nobody took in time."""
    from django.conf import settings

    logging.config.dictConfig(settings.LOGGING)
    for chatty in ("celery.worker.strategy", "celery.worker.request", "celery.app.trace", "celery.beat"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


@task_prerun.connect
@task_postrun.connect
def _keep_good_connections(**_: Any) -> None:
    """As between two requests of a web process: CONN_MAX_AGE and CONN_HEALTH_CHECKS say which are good."""
    from django.db import close_old_connections

    close_old_connections()


@beat_init.connect
def _stop_between_ticks(sender: Service, **_: Any) -> None:
    """A clock that is told to stop ends its tick first. Celery's own way closes its file wherever it stands, and where
    what it stands in takes the exception for a failure of its own, the clock goes on with a closed file and breaks."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, lambda _number, _frame: sender.stop())


@worker_process_init.connect
def _let_answers_go_first(**_: Any) -> None:
    """Where web, edge and workers share a machine, whoever waits for an answer comes before work behind the scenes."""
    os.nice(NICENESS)


@worker_process_init.connect
def settle_memory(**_: Any) -> None:
    """What was loaded before the first task stays: a collector that went through it again and again, for all that a
    drain reads and lets go, took a third of a drain's Python."""
    gc.collect()
    gc.freeze()
