from django.urls import path

from payments import views

urlpatterns = [
    path("<slug:gateway>", views.webhook, name="webhook"),
    # Some providers have paths of their own below the address that they were given.
    path("<slug:gateway>/<path:rest>", views.webhook),
]
