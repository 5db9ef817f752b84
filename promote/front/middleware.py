"""What every answer of the web process carries, and every page knows of its reader."""

import zoneinfo
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

Answer = Callable[[HttpRequest], HttpResponse]


def content_security_policy(get_response: Answer) -> Answer:
    """Sets the pages' policy: only our own files, no inline script or style, no frame around us."""
    policy = "; ".join(f"{name} {' '.join(sources)}" for name, sources in settings.CONTENT_SECURITY_POLICY.items())

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response.headers.setdefault("Content-Security-Policy", policy)
        return response

    return middleware


def readers_time_zone(get_response: Answer) -> Answer:
    """Shows times in the reader's zone: the account's own, else its market's, else UTC."""

    def middleware(request: HttpRequest) -> HttpResponse:
        timezone.activate(_zone(request))
        try:
            return get_response(request)
        finally:
            timezone.deactivate()

    return middleware


def _zone(request: HttpRequest) -> zoneinfo.ZoneInfo:
    from promote.markets.models import Market

    account = getattr(request.user, "account", None) if request.user.is_authenticated else None
    if account is None:
        return zoneinfo.ZoneInfo("UTC")
    names = [account.timezone]
    if not account.timezone:
        names = list(Market.objects.filter(code=account.country).values_list("time_zone", flat=True))
    try:
        return zoneinfo.ZoneInfo(names[0])
    except (IndexError, ValueError, zoneinfo.ZoneInfoNotFoundError):
        return zoneinfo.ZoneInfo("UTC")
