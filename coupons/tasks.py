from celery import shared_task
from django.utils import timezone

from coupons import offers


@shared_task(ignore_result=True)
def expire_offers(**_: object) -> None:
    while offers.expire_due(now=timezone.now(), limit=500) == 500:
        pass
