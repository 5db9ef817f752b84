"""The second yardstick: an application that decodes a decision's request and encodes an answer, and does nothing else.

Granian serves it in its quickest way (RSGI, uvloop), and its bodies and headers are as long as the edge's.
"""

from typing import Any

import msgspec

from delivery.edge.asked import DecideIn
from delivery.edge.http import JSON, NOT_STORED

_decoder = msgspec.json.Decoder(DecideIn)
_encoder = msgspec.json.Encoder()
_ID = "0192f6d5a7b87c4d9e0f1a2b3c4d5e6f"
_TOKEN = "k1." + "A" * 140


async def app(scope: Any, exchange: Any) -> None:
    raw = await exchange()
    slots = len(_decoder.decode(raw).slots) if raw else 0
    decisions = [
        {"slot": slot, "order": f"ord_{_ID}", "target": f"vid_{_ID}", "token": _TOKEN, "price_micros": 2000}
        for slot in range(slots)
    ]
    exchange.response_bytes(200, [JSON, NOT_STORED], _encoder.encode({"decisions": decisions}))
