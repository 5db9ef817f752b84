"""The edge's settings: everybody's, without a look for admin pages, which would take longer to load than the edge."""

from promote.config.settings import *  # noqa: F403
from promote.config.settings import INSTALLED_APPS as _EVERYBODYS

INSTALLED_APPS = [
    "django.contrib.admin.apps.SimpleAdminConfig" if name == "django.contrib.admin" else name for name in _EVERYBODYS
]
