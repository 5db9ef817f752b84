"""The edge process: decisions, events and live streams, a bare ASGI application."""

from delivery.edge import app

__all__ = ["app"]
