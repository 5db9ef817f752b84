"""Providers in test mode: each a real server that speaks and checks its provider's documented protocol."""
