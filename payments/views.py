"""Where payment providers send their notices."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from payments import notices
from payments.gateways import NoSuchGateway
from payments.gateways.base import BadNotice, GatewayAway


@csrf_exempt  # signed by the provider instead
@require_POST
def webhook(request: HttpRequest, gateway: str, rest: str = "") -> HttpResponse:
    """The provider's own answer once the notice is stored; what it means is worked out behind."""
    if int(request.META.get("CONTENT_LENGTH") or 0) > notices.MAX_BYTES:
        return JsonResponse({"error": "too large"}, status=413)
    try:
        reply = notices.receive(
            gateway=gateway,
            path=request.path,
            headers=request.headers,
            raw=request.body,
            now=timezone.now(),
            source=request.META.get("REMOTE_ADDR", ""),
        )
    except NoSuchGateway:
        return JsonResponse({"error": "not found"}, status=404)
    except GatewayAway:  # it is sent again
        return JsonResponse({"error": "can't be checked now"}, status=503)
    except BadNotice as bad:
        reply = bad.reply
    return JsonResponse(dict(reply.body), status=reply.status)
