"""Payments' work behind the scenes. Each task calls one use case; arguments are ids, and unknown ones are let pass."""

from uuid import UUID

from celery import shared_task
from django.utils import timezone

from payments import (
    catching_up,
    checkpoints,
    credit_notes,
    delivering,
    documents,
    expiry,
    notices,
    paying_back,
    polling,
    reconciling,
    refused_notices,
    saved_methods,
    saved_tokens,
    sealed_rows,
    sealing,
)
from promote.accounts.models import User


@shared_task(ignore_result=True)
def process_notices(*, limit: int = 25, **_: object) -> None:
    """Few at a time, so that other work has its turn between."""
    notices.work(limit=limit, now=timezone.now())


@shared_task(ignore_result=True)
def forget_refused_notices(*, limit: int = 500, **_: object) -> None:
    refused_notices.forget_due(limit=limit, now=timezone.now())


@shared_task(ignore_result=True)
def confirm_top_up(top_up_id: str, **_: object) -> None:
    polling.ask(top_up_id=UUID(top_up_id), why="returned", now=timezone.now())


@shared_task(ignore_result=True)
def poll_open_top_ups(*, limit: int = 100, **_: object) -> None:
    polling.poll(limit=limit, now=timezone.now())


@shared_task(ignore_result=True)
def catch_up(**_: object) -> None:
    catching_up.catch_up(now=timezone.now())


@shared_task(ignore_result=True)
def tell_delivered(top_up_id: str, **_: object) -> None:
    delivering.tell(top_up_id=UUID(top_up_id), now=timezone.now())


@shared_task(ignore_result=True)
def tell_all_delivered(*, limit: int = 100, **_: object) -> None:
    delivering.tell_due(limit=limit, now=timezone.now())


@shared_task(ignore_result=True)
def release_saved_methods(*, limit: int = 100, **_: object) -> None:
    saved_methods.release_due(limit=limit, now=timezone.now())


@shared_task(ignore_result=True)
def renew_saved_tokens(*, limit: int = 500, **_: object) -> None:
    saved_tokens.renew_due(limit=limit)


@shared_task(ignore_result=True)
def renew_sealed_rows(*, limit: int = 500, **_: object) -> None:
    sealed_rows.renew_due(limit=limit)


@shared_task(ignore_result=True)
def checkpoint(**_: object) -> None:
    checkpoints.take(timezone.now())


@shared_task(ignore_result=True)
def seal(**_: object) -> None:
    sealing.seal(now=timezone.now())


@shared_task(ignore_result=True)
def expire_coins(*, limit: int = 500, **_: object) -> None:
    expiry.expire_due(limit=limit, now=timezone.now())


@shared_task(ignore_result=True)
def render_documents(invoice_ids: list[str], **_: object) -> None:
    for invoice_id in invoice_ids:
        documents.of(invoice_id=UUID(invoice_id), now=timezone.now())


@shared_task(ignore_result=True)
def issue_credit_notes(*, limit: int = 200, **_: object) -> None:
    credit_notes.issue_due(limit=limit, now=timezone.now())


@shared_task(ignore_result=True)
def reconcile(**_: object) -> None:
    reconciling.reconcile_all(now=timezone.now())


@shared_task(ignore_result=True)
def reconcile_one(gateway: str, *, days: int, by: int, **_: object) -> None:
    """As somebody at the desk asked; that it failed stands in the run's row."""
    reconciling.reconcile_asked(gateway=gateway, days=days, by=User.objects.filter(id=by).first(), now=timezone.now())


@shared_task(ignore_result=True)
def work_on_withdrawals(*, limit: int = 100, **_: object) -> None:
    paying_back.work(limit=limit, now=timezone.now())
