"""Delivery's tables, a file a subject."""

from delivery.models.events import DroppedDay, Event
from delivery.models.invalid import (
    Agent,
    BlockedSource,
    ChargeReturn,
    ChargeSource,
    Finding,
    FoundReason,
    InvalidCharge,
    Network,
    Referrer,
    StaffViewer,
    SweptHour,
)
from delivery.models.pacing import Pacer, PacingState, TrafficHour
from delivery.models.rates import PriceNode, RateNode
from delivery.models.reasons import UnbilledReason
from delivery.models.rollups import COUNTS, Counts, Dimension, HourRollup, MinuteRollup, UnbilledHour
from delivery.models.shards import Barrier, PoisonEntry, Shard

__all__ = [
    "COUNTS",
    "Agent",
    "Barrier",
    "BlockedSource",
    "ChargeReturn",
    "ChargeSource",
    "Counts",
    "Dimension",
    "DroppedDay",
    "Event",
    "Finding",
    "FoundReason",
    "HourRollup",
    "InvalidCharge",
    "MinuteRollup",
    "Network",
    "Pacer",
    "PacingState",
    "PoisonEntry",
    "PriceNode",
    "RateNode",
    "Referrer",
    "Shard",
    "StaffViewer",
    "SweptHour",
    "TrafficHour",
    "UnbilledHour",
    "UnbilledReason",
]
