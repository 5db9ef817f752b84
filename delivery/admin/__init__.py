"""Delivery in the admin: the engine's state, invalid traffic, and what ops block."""

from delivery.admin import blocked, engine, invalid

__all__ = ["blocked", "engine", "invalid"]
