"""The edge: decisions, events and live figures, a bare RSGI application. Open app.py first.

Served by `granian --interface rsgi delivery.edge:app`. Importing it makes the process ready for the database.
"""

import django
from django.apps import apps

if not apps.ready:
    django.setup()

from delivery.edge.app import Edge

app = Edge()

__all__ = ["app"]
