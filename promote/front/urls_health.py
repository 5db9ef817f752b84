from django.urls import path

from promote.front import health

urlpatterns = [path("live", health.live, name="health-live"), path("ready", health.ready, name="health-ready")]
