"""One chain of middleware for all of Django's test clients in a process, loaded once, as a server's is.

A client would load its own, and with it walk every static file: a third of what the tests of the pages took.
"""

from typing import Any

from django.conf import settings
from django.test.client import ClientHandler

_LOADED = ("_view_middleware", "_template_response_middleware", "_exception_middleware", "_middleware_chain")
_load = ClientHandler.load_middleware
_chains: dict[tuple[Any, ...], dict[str, Any]] = {}


def share() -> None:
    ClientHandler.load_middleware = _load_once


def forget() -> None:
    """For whoever changes what a chain has read: the static files."""
    _chains.clear()


def _load_once(self: ClientHandler, is_async: bool = False) -> None:
    key = (tuple(settings.MIDDLEWARE), settings.DEBUG, settings.STATIC_ROOT, is_async)
    if key not in _chains:
        _load(self, is_async)
        _chains[key] = {name: getattr(self, name) for name in _LOADED}
    vars(self).update(_chains[key])
