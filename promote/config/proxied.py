"""Who called, behind a proxy of ours: whom it saw last. All would have one address else, and share one limit."""

from collections.abc import Callable, Iterable
from typing import Any

from promote.config.chunked import Application


def seen_by_proxy(application: Application) -> Application:
    """WSGI: takes the caller's address from what the proxy added last; whoever called it wrote what stands before."""

    def with_caller(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        caller = environ.get("HTTP_X_FORWARDED_FOR", "").rpartition(",")[2].strip()
        return application({**environ, "REMOTE_ADDR": caller} if caller else environ, start_response)

    return with_caller
