from datetime import timedelta

from celery import shared_task
from django.utils import timezone

from promote.keys import jwt, links


@shared_task(name="keys.forget", ignore_result=True)
def forget(*, days: int = 1, **_: object) -> None:
    """What is over opens nothing; it need not be kept."""
    before = timezone.now() - timedelta(days=days)
    jwt.forget(before=before)
    links.forget(before=before)
