"""The edge process: decisions, events and live streams, a bare RSGI application."""

from delivery.edge import app
from promote.config import children, private_log

__all__ = ["app"]

children.die_with_parent()
private_log.of_the_edge()
