"""Bodies sent in chunks, as a client streams them that does not know their length: Django would take them as empty."""

import io
from collections.abc import Callable, Iterable
from typing import Any

BODY_MAX_BYTES = 10_000_001
"""One byte more than the largest body that any door takes, so that what is cut off here is refused there."""
PART_BYTES = 65_536

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def measured(application: Application) -> Application:
    """WSGI: reads a chunked body first, and says how long it is."""

    def with_length(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        chunked = "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "").lower()
        # The server must end the stream itself, or reading would wait for ever.
        if chunked and environ.get("wsgi.input_terminated") and not environ.get("CONTENT_LENGTH"):
            body = _read(environ["wsgi.input"])
            environ = {**environ, "wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))}
        return application(environ, start_response)

    return with_length


def _read(stream: Any) -> bytes:
    """In parts of a named size: to Granian's stream `read()` without one is not `read everything`."""
    body = bytearray()
    while len(body) < BODY_MAX_BYTES and (part := stream.read(min(PART_BYTES, BODY_MAX_BYTES - len(body)))):
        body += part
    return bytes(body)
