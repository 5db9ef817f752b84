"""The pages for what went wrong: not found, not allowed, a fault of ours."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "errors/404.html", {"at_desk": _at_desk(request)}, status=404)


def not_allowed(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "errors/403.html", {"at_desk": _at_desk(request)}, status=403)


def stale_form(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form whose protection did not match: usually a page left open over a sign-in."""
    return render(request, "errors/stale.html", status=403)


def server_error(request: HttpRequest) -> HttpResponse:
    """Nothing is looked up here, since what failed may be the very thing that the frame would ask."""
    shown = {"theme": request.COOKIES.get("theme", "auto"), "at_desk": _at_desk(request)}
    return HttpResponse(render_to_string("errors/500.html", shown), status=500)


def _at_desk(request: HttpRequest) -> bool:
    """Whether staff's own pages are meant, which are told otherwise and led back to otherwise."""
    return request.path.startswith(reverse("admin:index"))
