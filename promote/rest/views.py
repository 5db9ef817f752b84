"""`Door`, the view that every REST call is: parse, one call, answer."""

from typing import Any

from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.request import Request
from rest_framework.views import APIView

from promote.rest.authentication import ApiKey, Bearer, Session
from promote.rest.parsers import StrictJSON
from promote.rest.permissions import Advertiser
from promote.rest.schema import DoorSchema
from promote.rest.throttling import PerCaller


class FirstFits(DefaultContentNegotiation):
    """Answers in what was asked for where we have it, else in what we have: a problem is never hidden by a 406."""

    def select_renderer(self, request: Request, renderers: Any, format_suffix: str | None = None) -> Any:
        from rest_framework.exceptions import NotAcceptable

        try:
            return super().select_renderer(request, renderers, format_suffix)
        except NotAcceptable:
            return renderers[0], renderers[0].media_type


class Door(APIView):
    """For advertisers unless `permission_classes` says otherwise."""

    authentication_classes = [ApiKey, Bearer, Session]
    permission_classes = [Advertiser]
    parser_classes = [StrictJSON]
    throttle_classes = [PerCaller]
    content_negotiation_class = FirstFits
    schema = DoorSchema()

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        for name, value in getattr(request._request, "rate_headers", {}).items():
            response[name] = value
        if "Cache-Control" not in response:
            response["Cache-Control"] = "private, no-store"
        return response
