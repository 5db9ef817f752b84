"""Delivery situations: an order's decision sold, shown, acted on and drained, without the edge in between."""

from datetime import datetime, timedelta
from typing import Any

from delivery import drain, entries, hot, pacer, seen
from delivery.engine.tokens import Token, lives, pack
from delivery.engine.vocabulary import EVENT_CODES
from delivery.models import Event, Shard
from orders.models import Order
from payments import escrow
from promote import ids
from tests.builders import NOON

RESERVE = 2000
SEEN: dict[str, Any] = {"visible_ms": 1200, "visible_share": 0.9}


def paced(order: Order, *, now: datetime = NOON) -> int:
    """The shard's generation, after a look of its pacer."""
    pacer.pace(shard=order.shard, now=now)
    return Shard.objects.get(id=order.shard).generation


def a_token(order: Order, *, now: datetime = NOON, **facts: Any) -> Token:
    """A decision for this order, not reserved for."""
    assert order.starts_at is not None
    assert order.ends_at is not None
    at = now.timestamp()
    shown, acted = lives(now=at, starts_at=order.starts_at.timestamp(), ends_at=order.ends_at.timestamp())
    return Token(
        **{
            "id": ids.new(),
            "order": order.id,
            "shard": order.shard,
            "generation": Shard.objects.get(id=order.shard).generation,
            "price_micros": RESERVE,
            "viewer": 4711,
            "slot": 0,
            "decided_at": int(at),
            "day": int(at // 86400),
            "impression_until": shown,
            "action_until": acted,
            "surface": 0,
            "country": "US",
            "age_band": 1,
            "gender": 0,
            **facts,
        }
    )


def reserved(token: Token) -> bool:
    """Whether there was enough released for it."""
    call = hot.reserve(
        shard=token.shard,
        generation=token.generation,
        order=token.order.bytes,
        until_s=token.impression_until,
        token=token.id.bytes,
        price_micros=token.price_micros,
        viewer=token.viewer,
        cap=hot.Cap(1000, 86_400),
    )
    return bool(hot.run(hot.client(), call) == [hot.DONE])


def freed(token: Token) -> bool:
    """Given back, as of a caller that hung up before its answer."""
    call = hot.free(
        shard=token.shard,
        generation=token.generation,
        order=token.order.bytes,
        token=token.id.bytes,
        price_micros=token.price_micros,
        viewer=token.viewer,
    )
    return bool(hot.run(hot.client(), call) == [hot.DONE])


def sold(order: Order, *, now: datetime = NOON, **facts: Any) -> Token:
    token = a_token(order, now=now, **facts)
    assert reserved(token), "not enough is released"
    return token


def told(
    token: Token,
    kind: str = "impression",
    *,
    now: datetime = NOON,
    at: datetime | None = None,
    generation: int | None = None,
    **facts: Any,
):
    """Tells the shard an event that happened `at`, or now, as the edge does. The script's answer."""
    received_ms = int(now.timestamp() * 1000)
    at_ms = int(at.timestamp() * 1000) if at else received_ms
    if kind == "impression":
        facts = {**SEEN, **facts}
    code = EVENT_CODES[kind]
    entry = entries.pack(
        entries.Told(token=pack(token), type=code, at_ms=at_ms, received_ms=received_ms, **facts),
    )
    event = hot.Event(token.generation, token.id.bytes, 1 << code, token.price_micros, token.order.hex, entry)
    current = generation or Shard.objects.get(id=token.shard).generation
    if kind != "impression" and received_ms > seen.known_until_ms(token.impression_until):
        call = hot.append(shard=token.shard, generation=current, events=[event])
    else:
        minute = seen.minute(token.impression_until)
        kept_for_s = seen.kept_for_s(minute, now=now.timestamp())
        call = hot.take(shard=token.shard, generation=current, minute=minute, kept_for_s=kept_for_s, events=[event])
    [answer] = hot.run(hot.client(), call)
    return answer if answer == hot.LOST else answer[0]


def forgotten(token: Token) -> None:
    """Redis has lost what was told of it: an older AOF."""
    hot.client().delete(f"{hot.tag(token.shard)}:seen:{seen.minute(token.impression_until)}")


def shown(order: Order, times: int = 1, *, now: datetime = NOON, **facts: Any) -> list[Token]:
    """So many impressions, sold and told."""
    tokens = [sold(order, now=now, **facts) for _ in range(times)]
    assert [told(token, now=now) for token in tokens] == [hot.DONE] * times
    return tokens


def drained(order: Order, *, now: datetime = NOON) -> int:
    return drain.drain(shard=order.shard, now=now)


def left(order: Order) -> int:
    """Micros left in its escrow."""
    return escrow.left(escrow_ids=[order.escrow_id])[order.escrow_id]


def spent(order: Order) -> int:
    return order.cost_micros - left(order)


def events_of(order: Order, **wanted: Any):
    return Event.objects.filter(order_id=order.id, **wanted).order_by("received_at", "token")


def charged_in_events(order: Order) -> int:
    return sum(events_of(order, charged=True).values_list("price_micros", flat=True))


def looks(order: Order, times: int, *, start: datetime = NOON, every_s: float = 1.0) -> datetime:
    """So many looks of the pacer, so that more is released. When the last one was."""
    now = start
    for _ in range(times):
        now += timedelta(seconds=every_s)
        pacer.pace(shard=order.shard, now=now)
    return now


def redis_lost() -> None:
    hot.client().flushdb()
