"""Under /api/v1/."""

from django.urls import path

from coupons import api

urlpatterns = [
    path("offers", api.Offers.as_view()),
    path("offers/redeem", api.Redeem.as_view()),
]
