"""Drills: what is broken on purpose while the system works, and what must be right afterwards."""
