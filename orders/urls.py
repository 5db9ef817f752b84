"""Under /api/v1/. The order itself and the list, which show results, are in promote/front."""

from django.urls import path

from orders import api

urlpatterns = [
    path("orders/<str:order>/end", api.End.as_view()),
    path("orders/<str:order>/appeal", api.Appeal.as_view()),
    path("orders/<str:order>/pause", api.Pause.as_view()),
    path("orders/<str:order>/resume", api.Resume.as_view()),
    path("orders/<str:order>/place-again", api.PlaceAgain.as_view()),
]
