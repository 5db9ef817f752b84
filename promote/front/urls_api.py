"""Every address under /api/v1/, in one place: the doors of the rooms, and those that join rooms."""

from importlib.util import find_spec

from django.urls import include, path

from promote.front import api_bulk, api_catalogue, api_notifications, api_tokens
from promote.rest import openapi

ROOMS = ["payments.urls", "orders.urls", "coupons.urls", "delivery.urls"]

urlpatterns = [
    path("schema", openapi.Schema.as_view(), name="api-schema"),
    path("docs", openapi.Docs.as_view(), name="api-docs"),
    path("platform/accounts/<str:external_id>", api_catalogue.Accounts.as_view()),
    path("platform/accounts/<str:external_id>/tokens", api_tokens.Tokens.as_view()),
    path("platform/accounts/<str:external_id>/sign-in-links", api_tokens.SignInLinks.as_view()),
    path("platform/videos/<str:external_id>", api_catalogue.Videos.as_view()),
    path("platform/lives/<str:external_id>", api_catalogue.Lives.as_view()),
    path("platform/bulk", api_bulk.Bulk.as_view()),
    path("auth/refresh", api_tokens.Refresh.as_view()),
    path("notifications", api_notifications.Notifications.as_view()),
    *(path("", include(room)) for room in ROOMS if find_spec(room)),
]
