"""Delivery in the admin: the engine's state, invalid traffic, and what ops block."""

from delivery.admin import blocked, engine, invalid, staff

__all__ = ["blocked", "engine", "invalid", "staff"]
