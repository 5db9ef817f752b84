"""Events of one shard as columns: what is the same for all of them is worked out once for all of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from delivery.engine.tokens import LAYOUT
from delivery.engine.vocabulary import EVENT_CODES, IMPRESSION
from delivery.entries import Reading, Told

IMPRESSION_CODE = EVENT_CODES[IMPRESSION]
Ints = NDArray[np.int64]
Marks = NDArray[np.bool_]


@dataclass(slots=True)
class Batch:
    """Events in stream order. `valid`, `charged` and `reason` are what they come to; a reason is a place in REASONS.

    `place` is where each stands among the entries. Times are milliseconds since 1970, prices micros.
    """

    place: Ints
    orders: list[UUID]
    """Each once."""
    order: Ints
    """Its place in `orders`."""
    token: NDArray[np.void]
    """Its fields, as LAYOUT has them."""
    told: Sequence[Told]
    type: Ints
    at_ms: Ints
    received_ms: Ints
    price: Ints
    reason: Ints
    charged: Marks

    def __len__(self) -> int:
        return len(self.place)

    @property
    def valid(self) -> Marks:
        """What is shown free because nobody pays is as valid as what is paid."""
        marks: Marks = (self.reason == 0) | (self.reason >= FREE)
        return marks

    def kept(self, these: Marks) -> "Batch":
        """The same without the others."""
        told = [one for one, keep in zip(self.told, these.tolist(), strict=True) if keep]
        columns = {name: getattr(self, name)[these] for name in _BY_EVENT}
        return Batch(orders=self.orders, told=told, **columns)


_BY_EVENT = ("place", "order", "token", "type", "at_ms", "received_ms", "price", "reason", "charged")
REASONS = (
    "",
    "owner",
    "staff",
    "another_viewer",
    "bot",
    "blocked_agent",
    "private_address",
    "invalid_address",
    "data_centre",
    "blocked_address",
    "blocked_referrer",
    "not_targeted",
    "viewer_too_fast",
    "device_too_fast",
    "address_too_fast",
    "impossible_time",
    "not_measured",
    "not_active",
    "not_half_visible",
    "too_brief",
    "no_impression",
    "order_closed",
    "over_delivery",
)
REASON = {name: place for place, name in enumerate(REASONS)}
FREE = REASON["order_closed"]
"""From here on: it counts, but nobody pays for it."""


def of(reading: Reading) -> Batch:
    """Events that are not judged yet. An event happened when it was told to have, but never outside its decision and
    its arrival. Raises OverflowError for a number that no column holds."""
    told = reading.told
    token = np.frombuffer(b"".join([one.token for one in told]), LAYOUT)
    type_ = np.array([one.type for one in told], np.int64)
    received_ms = np.array([one.received_ms for one in told], np.int64)
    at_ms = np.array([one.at_ms for one in told], np.int64)
    is_impression = type_ == IMPRESSION_CODE
    return Batch(
        place=np.array(reading.places, np.int64),
        orders=reading.orders,
        order=np.array(reading.order, np.int64),
        token=token,
        told=told,
        type=type_,
        at_ms=np.minimum(np.maximum(at_ms, token["decided_at"].astype(np.int64) * 1000), received_ms),
        received_ms=received_ms,
        price=np.where(is_impression, token["price_micros"].astype(np.int64), 0),
        reason=np.zeros(len(told), np.int64),
        charged=is_impression,
    )
