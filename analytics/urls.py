"""Under /api/v1/."""

from django.urls import path

from analytics import api

urlpatterns = [path("platform/purchases", api.Purchases.as_view())]
