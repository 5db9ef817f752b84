"""Every address under /api/v1/, in one place: the doors of the rooms, and those that join rooms."""

from django.urls import include, path

from promote.front import (
    api_bulk,
    api_catalogue,
    api_central,
    api_eligibility,
    api_notifications,
    api_order_payments,
    api_orders,
    api_quotes,
    api_reports,
    api_tokens,
)
from promote.rest import openapi
from promote.rest.outside import nowhere

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
    path("central", api_central.CentralPage.as_view()),
    path("eligibility", api_eligibility.EligibilityOf.as_view()),
    path("quotes", api_quotes.Quotes.as_view()),
    path("orders", api_orders.Orders.as_view()),
    path("order-payments", api_order_payments.OrderPayments.as_view()),
    path("order-payments/<str:public_id>", api_order_payments.OneOrderPayment.as_view()),
    path("orders/<str:order>", api_orders.OneOrder.as_view()),
    path("orders/<str:order>/end", api_orders.End.as_view()),
    path("orders/<str:order>/pause", api_orders.Pause.as_view()),
    path("orders/<str:order>/resume", api_orders.Resume.as_view()),
    path("orders/<str:order>/appeal", api_orders.Appeal.as_view()),
    path("orders/<str:order>/place-again", api_orders.PlaceAgain.as_view()),
    path("orders/<str:order>/report", api_reports.Report.as_view()),
    path("notifications", api_notifications.Notifications.as_view()),
    path("", include("payments.urls")),
    path("", include("coupons.urls")),
    path("", include("delivery.urls")),
    path("", include("analytics.urls")),
    path("<path:path>", nowhere),
]
