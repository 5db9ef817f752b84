"""Under /api/v1/."""

from django.urls import path

from delivery import api

urlpatterns = [
    path("orders/<str:order>/charges", api.Charges.as_view()),
    path("orders/<str:order>/diagnosis", api.Diagnose.as_view()),
]
