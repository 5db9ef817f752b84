"""The edge: decisions, events and live figures, without Django's handlers. Open app.py first.

Run by `python -m promote.config.edge`. Importing it makes the process ready for the database.
"""

import django
from django.apps import apps

if not apps.ready:
    django.setup()

from delivery.edge.serving import CantListen, serve

__all__ = ["CantListen", "serve"]
