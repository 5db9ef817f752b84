"""The web process: pages, the REST API, webhooks."""

import os

from django.core.wsgi import get_wsgi_application

from promote.config import chunked

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "promote.config.settings")

application = chunked.measured(get_wsgi_application())
