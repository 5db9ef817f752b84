"""Counting what was refused at the door, so that ops sees a forger, or a secret that went wrong: by provider, reason
and day, a bounded number of rows whatever is sent."""

from django.db.models import F
from django.utils import timezone

from payments.models import Refused


def count(*, gateway: str, reason: str, sentence: str) -> None:
    """One more. `reason` is one of few words; `sentence`, the last one's, is kept."""
    now = timezone.now()
    row, is_new = Refused.objects.get_or_create(
        gateway=gateway, reason=reason, day=now.date(), defaults={"times": 1, "last_at": now, "last": sentence[:500]}
    )
    if not is_new:
        Refused.objects.filter(id=row.id).update(times=F("times") + 1, last_at=now, last=sentence[:500])
