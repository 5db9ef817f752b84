"""The web process: pages, the REST API, webhooks."""

import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from promote.config import children, chunked, crashes, proxied

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "promote.config.settings")

children.die_with_parent()
with crashes.told_privately():
    application = chunked.measured(get_wsgi_application())
    if settings.SECURE_PROXY_SSL_HEADER:
        application = proxied.seen_by_proxy(application)
