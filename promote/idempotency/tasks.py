from datetime import timedelta

from celery import shared_task
from django.utils import timezone

from promote.idempotency import answers


@shared_task(name="idempotency.forget", ignore_result=True)
def forget(*, days: int = 30, **_: object) -> None:
    answers.forget(before=timezone.now() - timedelta(days=days))
