"""The OpenAPI 3.1 document and its page, from the code. Source: DESIGN.md 8."""

from django.utils.translation import gettext_lazy as _
from drf_spectacular.views import SpectacularAPIView, SpectacularRedocView
from rest_framework.permissions import AllowAny
from rest_framework.renderers import JSONRenderer

from promote.rest.views import FirstFits


class Schema(SpectacularAPIView):
    permission_classes = [AllowAny]
    authentication_classes = []
    throttle_classes = []
    renderer_classes = [JSONRenderer]
    content_negotiation_class = FirstFits


class Docs(SpectacularRedocView):
    permission_classes = [AllowAny]
    authentication_classes = []
    throttle_classes = []
    url_name = "api-schema"
    title = str(_("Promote API"))
