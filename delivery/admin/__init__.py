"""Delivery in the admin: the engine's state, and invalid traffic."""

from delivery.admin import engine, invalid

__all__ = ["engine", "invalid"]
