"""Failures under /api/ that never reached a view: no such address, a broken host, a crash in a middleware."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt

from promote.problems import CONTENT_TYPE, Broken, MethodNotAllowed, TooLarge, document, headers
from promote.refusals import FieldError, Invalid, NotAllowed, NotFound, Refusal

Respond = Callable[[HttpRequest], HttpResponseBase]


def problems_under_api(get_response: Respond) -> Respond:
    """Middleware: whatever failed under /api/ is told as a problem, also by Django itself."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        is_ours = request.path.startswith("/api/") and response.status_code >= 400
        if not is_ours or response.get("Content-Type", "").startswith(CONTENT_TYPE):
            return response
        return _told(_refusal(request, response.status_code))

    return middleware


@csrf_exempt
def nowhere(request: HttpRequest, path: str) -> HttpResponse:
    """The answer of an address under /api/ where there is nothing."""
    return _told(NotFound())


def _told(refusal: Refusal) -> HttpResponse:
    answer = JsonResponse(document(refusal), status=refusal.status, content_type=CONTENT_TYPE)
    for name, value in headers(refusal).items():
        answer[name] = value
    return answer


def _refusal(request: HttpRequest, status: int) -> Refusal:
    match status:
        case 404:
            return NotFound()
        case 403:
            return NotAllowed()
        case 405:
            return MethodNotAllowed(method=request.method)
        case 413:
            return TooLarge()
        case _ if status < 500:
            return Invalid([FieldError("", "malformed", "The request is malformed.")])
        case _:
            return Broken()
