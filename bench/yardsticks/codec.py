"""The second yardstick: an application that decodes a decision's request and encodes an answer."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from delivery.edge.deciding import DecideIn

_decoder = msgspec.json.Decoder(DecideIn)
_encoder = msgspec.json.Encoder()
_ID = "0192f6d5a7b87c4d9e0f1a2b3c4d5e6f"
_TOKEN = "k1." + "A" * 160


async def app(
    scope: dict[str, Any],
    receive: Callable[[], Awaitable[dict[str, Any]]],
    send: Callable[[dict[str, Any]], Awaitable[None]],
) -> None:
    if scope["type"] != "http":
        return
    raw = (await receive()).get("body", b"")
    slots = len(_decoder.decode(raw).slots) if raw else 0
    decisions = [
        {"slot": slot, "order": f"ord_{_ID}", "target": f"vid_{_ID}", "token": _TOKEN, "price_micros": 2000}
        for slot in range(slots)
    ]
    body = _encoder.encode({"decisions": decisions})
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
