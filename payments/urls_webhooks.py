from django.urls import path

from payments import views

urlpatterns = [
    path("<slug:gateway>", views.webhook, name="webhook"),
]
