"""What is predicted is noted in time, and held against what came."""

from celery import shared_task
from django.utils import timezone

from analytics import calibration, foreseeing


@shared_task(ignore_result=True)
def foresee(**_: object) -> None:
    """Every minute, by beat."""
    now = timezone.now()
    calibration.note(now=now)
    foreseeing.note(now=now)


@shared_task(ignore_result=True)
def compare(**_: object) -> None:
    """Every hour, by beat."""
    now = timezone.now()
    foreseeing.compare(now=now)
    foreseeing.learn(now=now)
    calibration.forget(now=now)
    calibration.alert_of_off(now=now)
