"""Rooms as the edge loads them: their models. What hears of changes or audits stays away, since the edge changes
nothing."""

from django.apps import AppConfig


class Delivery(AppConfig):
    name = "delivery"


class Orders(AppConfig):
    name = "orders"


class Payments(AppConfig):
    name = "payments"
