"""The edge process: decisions, events and live streams, a bare RSGI application."""

from delivery.edge import app
from promote.config import children

__all__ = ["app"]

children.die_with_parent()
