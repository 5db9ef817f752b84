"""The edge's settings: everybody's, and of the apps the models alone. Pages, and what hears of changes in the rooms,
would take longer to load than the edge itself."""

from promote.config.settings import *  # noqa: F403
from promote.config.settings import INSTALLED_APPS as _EVERYBODYS

_MODELS_ALONE = {
    "delivery": "promote.config.models_alone.Delivery",
    "orders": "promote.config.models_alone.Orders",
    "payments": "promote.config.models_alone.Payments",
}
_OF_PAGES = {
    "django.contrib.admin",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django_htmx",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "promote.config",
    "promote.front",
    "analytics",
}
INSTALLED_APPS = [_MODELS_ALONE.get(name, name) for name in _EVERYBODYS if name not in _OF_PAGES]
