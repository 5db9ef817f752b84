"""What is hot: a shard's counters and its stream in Redis, by one atomic script a step (delivery.md 2).

A wrapper makes a `Call`; `run` sends calls in one round trip, here or by the edge. All keys of a call carry the
shard's hash tag. Every script is refused where the generation key is missing or another: -1, `LOST`.
"""

import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from hashlib import sha1
from itertools import chain, islice
from pathlib import Path
from typing import Any, NamedTuple, cast
from uuid import UUID

import hiredis
import msgspec
import numpy as np
import redis
from redis.exceptions import NoScriptError

from delivery.engine.index import Pace
from delivery.engine.vocabulary import SURFACES

LOST = -1
DUPLICATE = 0
DONE = 1
NOT_RESERVED = -2
NO_IMPRESSION = -3
CAPPED = -2
"""Of `reserve`: the viewer was shown the order as often as allowed."""
OUTRUN = -2
"""Of `release`: a later pacer was here."""

_LUA = Path(__file__).parent / "lua"
_PACE = struct.Struct(f"<dd{2 * len(SURFACES)}d")
NO_PACE = bytes(_PACE.size)
"""An order off the deciders' list, as their log tells it."""
PACED = np.dtype([("order", "S32"), ("figures", "<f8", (2 + 2 * len(SURFACES),))])
"""One order of an entry of that log: its id in hex, then `Pace`."""
Client = redis.Redis | redis.RedisCluster
_AT_ONCE = 100
"""So many orders are read by one script, so that no decision waits for all of them."""
_CLUSTER = "+cluster:"


@dataclass(frozen=True, slots=True)
class Script:
    text: str
    sha: str


class Call(NamedTuple):
    """One script with its keys and arguments."""

    script: Script
    keys: tuple[str, ...]
    args: tuple[Any, ...]

    @property
    def evalsha(self) -> tuple[Any, ...]:
        return ("EVALSHA", self.script.sha, len(self.keys), *self.keys, *self.args)

    @property
    def eval(self) -> tuple[Any, ...]:
        return ("EVAL", self.script.text, len(self.keys), *self.keys, *self.args)


class Packed(msgspec.Struct, frozen=True, gc=False):
    """A call as Redis reads it, made from a form: what decisions ask for thousands of times a second. `key` is one of
    its keys."""

    key: str
    raw: bytes

    @property
    def evalsha(self) -> tuple[Any, ...]:
        reader = hiredis.Reader()
        reader.feed(self.raw)
        return ("EVALSHA", *reader.gets()[1:])

    @property
    def eval(self) -> tuple[Any, ...]:
        """With its script's text, for a Redis that does not know it."""
        _, sha, *rest = self.evalsha
        return ("EVAL", next(script.text for script in scripts() if script.sha.encode() == sha), *rest)


class Grant(msgspec.Struct, frozen=True, gc=False):
    """What the pacer lets an order spend, and what it tells the deciders. Without `pace` it is taken off their list."""

    order: UUID
    most_micros: int
    left_micros: int
    drained_micros: int
    pace: Pace | None
    held_micros: int | None = None
    """None keeps what is held back now."""


class Counters(msgspec.Struct, frozen=True, gc=False):
    """An order's figures in a generation, micros but for `charges`."""

    free: int
    reserved: int
    charged: int
    charges: int
    drained: int
    held: int
    was_granted: int
    """1 where a pacer has granted it something, be it 0, and told what is held back; else 0."""

    @property
    def under_way(self) -> int:
        return self.charged - self.drained


@cache
def _script(name: str) -> Script:
    text = (_LUA / f"{name}.lua").read_text()
    return Script(text, sha1(text.encode(), usedforsecurity=False).hexdigest())


def scripts() -> list[Script]:
    """All of them, to be loaded on a new connection: one that Redis does not know yet would be run out of turn."""
    return [_script(file.stem) for file in sorted(_LUA.glob("*.lua"))]


def pack(command: tuple[Any, ...]) -> bytes:
    """A command as Redis reads it."""
    return cast(bytes, hiredis.pack_command(command))


def tag(shard: int) -> str:
    return f"{{s{shard}}}"


def generation_key(shard: int) -> str:
    return f"{tag(shard)}:gen"


@lru_cache(maxsize=4096)
def prefix(shard: int, generation: int) -> str:
    return f"{tag(shard)}:{generation}:"


def stream_key(shard: int, generation: int) -> str:
    return f"{prefix(shard, generation)}events"


def pace_key(shard: int, generation: int) -> str:
    return f"{prefix(shard, generation)}pace"


def paces_key(shard: int, generation: int) -> str:
    """The log of what changed in `pace_key`'s hash."""
    return f"{prefix(shard, generation)}paces"


def order_key(shard: int, generation: int, order: UUID) -> str:
    return f"{_orders(shard, generation)}{order.hex}"


def caps_key(shard: int, viewer: int) -> str:
    """How often this viewer was shown each of the shard's orders."""
    return f"{tag(shard)}:caps:{viewer:x}"


def funnel_key(shard: int, minute: int) -> str:
    return f"{tag(shard)}:funnel:{minute}"


class Event(NamedTuple):
    """One that is told, as `take` reads it. `bit` is its type's: 1 of an impression. `order` is its id in hex."""

    token_generation: int
    token: bytes
    bit: int
    price_micros: int
    order: str
    entry: bytes


def take(*, shard: int, generation: int, minute: int, kept_for_s: int, events: Iterable[Event]) -> Call:
    """Events of one minute of tokens (seen.py), in the order in which they were told → of each DONE, DUPLICATE,
    NOT_RESERVED or NO_IMPRESSION; LOST for all of them."""
    keys = (
        generation_key(shard),
        *_reservation_keys(shard, generation),
        _seen_key(shard, minute),
        stream_key(shard, generation),
    )
    args = (generation, _orders(shard, generation), kept_for_s, *chain.from_iterable(events))
    return Call(_script("take"), keys, args)


def append(*, shard: int, generation: int, events: Iterable[Event]) -> Call:
    """Actions whose tokens are known no more (seen.py) → of each DONE; LOST for all of them."""
    keys = (generation_key(shard), stream_key(shard, generation))
    return Call(_script("append"), keys, (generation, *(part for one in events for part in (one.order, one.entry))))


def free(*, shard: int, generation: int, order: bytes, token: bytes, price_micros: int, viewer: int) -> Call:
    """→ DONE, 0 where it is not reserved (any more), or LOST. `order` and `token`: bytes of their ids."""
    keys = (
        generation_key(shard),
        f"{_orders(shard, generation)}{order.hex()}",
        *_reservation_keys(shard, generation),
        caps_key(shard, viewer),
    )
    return Call(_script("free"), keys, (generation, token, price_micros, order))


def expire(*, shard: int, generation: int, now_s: float, most: int = 1000) -> Call:
    """→ how many expired; `most` means there may be more; LOST."""
    keys = (generation_key(shard), *_reservation_keys(shard, generation))
    return Call(_script("expire"), keys, (generation, now_s, most, _orders(shard, generation)))


def release(*, shard: int, generation: int, epoch: int, grants: Sequence[Grant]) -> Call:
    """→ how many were granted; LOST, OUTRUN."""
    parts: list[Any] = []
    for grant in grants:
        held = "" if grant.held_micros is None else grant.held_micros
        pace = b"" if grant.pace is None else pack_pace(grant.pace)
        parts += [grant.order.hex, grant.most_micros, grant.left_micros, grant.drained_micros, held, pace]
    keys = (generation_key(shard), f"{prefix(shard, generation)}pacer", *_pace_keys(shard, generation))
    return Call(_script("release"), keys, (generation, epoch, _orders(shard, generation), NO_PACE, *parts))


def barrier(*, shard: int, generation: int, order: UUID) -> Call:
    """→ DONE or LOST."""
    keys = (
        *_order_keys(shard, generation, order),
        *_pace_keys(shard, generation),
        stream_key(shard, generation),
    )
    return Call(_script("barrier"), keys, (generation, order.hex, NO_PACE))


def halt(*, shard: int, generation: int, order: UUID) -> Call:
    """→ DONE or LOST."""
    keys = (*_order_keys(shard, generation, order), *_pace_keys(shard, generation))
    return Call(_script("halt"), keys, (generation, order.hex, NO_PACE))


def replay(*, shard: int, generation: int, fields: dict[bytes, bytes]) -> Call:
    """→ DONE or LOST."""
    parts = [part for pair in fields.items() for part in pair]
    order, price = fields.get(b"o", b"").decode("latin-1"), fields.get(b"p", b"")
    keys = (generation_key(shard), stream_key(shard, generation), f"{_orders(shard, generation)}{order}")
    return Call(_script("replay"), keys, (generation, int(price) if price.isdigit() else 0, *parts))


def trim(*, shard: int, generation: int, upto: str, most: int = 2000) -> Call:
    """→ how many entries left the stream; `most` means there may be more."""
    args = (upto, _after(upto), _orders(shard, generation), most)
    return Call(_script("trim"), (stream_key(shard, generation),), args)


def forget(*, shard: int, generation: int, ids: Sequence[str], micros: Mapping[str, int]) -> Call:
    """→ how many entries left the stream, LOST where `trim` has to look. `ids`: all that were committed at once, in
    order; `micros`: what they cost, by order."""
    args = (ids[0], _after(ids[-1]), _orders(shard, generation), len(ids), *chain.from_iterable(micros.items()))
    return Call(_script("forget"), (stream_key(shard, generation),), args)


def _after(id_: str) -> str:
    milliseconds, sequence = id_.split("-")
    return f"{milliseconds}-{int(sequence) + 1}"


def count(*, key: str, kept_for_s: int, parts: Sequence[str | int]) -> Call:
    """→ how many fields were added to. `parts`: a field, its count, the next field…"""
    return Call(_script("count"), (key,), (kept_for_s, *parts))


def haste(*, key: str, kept_for_s: int, parts: Sequence[Any]) -> Call:
    """→ of each how often it was met, now as well. `parts`: who, how often now, the next who…"""
    return Call(_script("haste"), (key,), (kept_for_s, *parts))


_HEX, _ID, _OTHER = b"\1" * 32, b"\2" * 16, b"\3"
"""What a form is filled with: an order's hex, sixteen bytes of an id, and anything, whose length goes before it."""


def _form(script: Script, keys: Sequence[str | bytes], *args: str | bytes | int) -> bytes:
    raw = pack(("EVALSHA", script.sha, len(keys), *keys, *args))
    return raw.replace(_HEX, b"%b").replace(_ID, b"%b").replace(b"$1\r\n\3\r\n", b"$%d\r\n%b\r\n")


class Cap(NamedTuple):
    """A viewer is shown an order so often in a window, which begins with the first one of its shard."""

    times: int
    window_s: int


def reserve(
    *, shard: int, generation: int, order: bytes, until_s: int, token: bytes, price_micros: int, viewer: int, cap: Cap
) -> Packed:
    """→ DONE, 0 where more is asked than is released, CAPPED, or LOST. `order` and `token`: bytes of their ids."""
    key, caps, form = _reserve_form(shard, generation, cap)
    counted, until, price = caps % viewer, b"%d" % until_s, b"%d" % price_micros
    name = order.hex().encode()
    return Packed(key, form % (name, len(counted), counted, name, len(until), until, token, len(price), price, order))


@lru_cache(maxsize=4096)
def _reserve_form(shard: int, generation: int, cap: Cap) -> tuple[str, bytes, bytes]:
    """The key by which its node is found, that of a viewer's caps, and the form."""
    key, order = generation_key(shard), _orders(shard, generation).encode() + _HEX
    keys = (key, order, *_reservation_keys(shard, generation), _OTHER)
    form = _form(_script("reserve"), keys, generation, _HEX, _OTHER, _ID, _OTHER, _ID, *cap)
    return key, caps_key(shard, 0)[:-1].encode() + b"%x", form


def pack_pace(pace: Pace) -> bytes:
    return _PACE.pack(pace.mu, pace.impressions, *(figure for rate in pace.rates for figure in rate))


def unpack_pace(raw: bytes) -> Pace:
    mu, impressions, *figures = _PACE.unpack(raw)
    return Pace(mu, impressions, tuple(zip(figures[::2], figures[1::2], strict=True)))


def paced(raw: bytes) -> Any:
    """An entry of the log of paces, as an array of PACED."""
    return np.frombuffer(raw, PACED)


def run(client: Client, *calls: Call | Packed) -> list[Any]:
    """The answers of `calls`, sent in one round trip. A script that Redis has forgotten is sent again whole."""
    if not calls:
        return []
    pipe = client.pipeline(transaction=False)
    for call in calls:
        pipe.execute_command(*call.evalsha)
    answers = pipe.execute(raise_on_error=False)
    for place, (call, answer) in enumerate(zip(calls, answers, strict=True)):
        if isinstance(answer, NoScriptError):
            answers[place] = client.execute_command(*call.eval)  # type: ignore[no-untyped-call]
        elif isinstance(answer, Exception):
            raise answer
    return list(answers)


def counters(client: Client, *, shard: int, generation: int, orders: Sequence[UUID]) -> dict[UUID, Counters]:
    parts = [orders[start : start + _AT_ONCE] for start in range(0, len(orders), _AT_ONCE)]
    answers = run(client, *(counting(shard=shard, generation=generation, orders=part) for part in parts))
    return counters_in(chain.from_iterable(answers), orders)


def counting(*, shard: int, generation: int, orders: Sequence[UUID]) -> Call:
    """→ what `counters_in` reads."""
    args = (_orders(shard, generation), *(order.hex for order in orders))
    return Call(_script("counters"), (generation_key(shard),), args)


def counters_in(figures: Iterable[Any], orders: Sequence[UUID]) -> dict[UUID, Counters]:
    numbers = map(int, figures)
    return {order: Counters(*islice(numbers, 7)) for order in orders}


def run_id(client: Client, shard: int) -> str:
    """The name that the Redis of this shard has for this run of itself: another after each restart and failover."""
    return run_ids(client, [shard])[shard]


def run_ids(client: Client, shards: Iterable[int]) -> dict[int, str]:
    """By shard; each Redis is asked once."""
    if not isinstance(client, redis.RedisCluster):
        return dict.fromkeys(shards, cast(str, client.info("server")["run_id"]))
    nodes = {shard: _node(client, shard) for shard in shards}
    known = {node.name: client.info("server", target_nodes=node)["run_id"] for node in set(nodes.values())}
    return {shard: known[node.name] for shard, node in nodes.items()}


def _node(client: redis.RedisCluster, shard: int) -> Any:
    return client.get_node_from_key(generation_key(shard))  # type: ignore[no-untyped-call]


@cache
def client() -> Client:
    """This process' connections."""
    from django.conf import settings

    return connect(settings.REDIS_URL)


def entries(*, shard: int, generation: int, after: str, most: int) -> list[tuple[bytes, list[bytes]]]:
    """What stands in the stream behind `after`: ids, and fields with their values behind them."""
    from django.conf import settings

    reader = _reader(settings.REDIS_URL)
    found: Any = reader.xrange(stream_key(shard, generation), min=f"({after}", max="+", count=most)
    if isinstance(reader, redis.RedisCluster):
        return [(id_, list(chain.from_iterable(fields.items()))) for id_, fields in found]
    return cast(list[tuple[bytes, list[bytes]]], found)


@cache
def _reader(url: str) -> Client:
    """As `client`, but one Redis' entries stay as they were told: dictionaries of them would take a tenth of what an
    event costs the drain. (The nodes of a cluster make theirs before anybody can say so.)"""
    found = connect(url)
    if isinstance(found, redis.Redis):
        found.set_response_callback("XRANGE", lambda answer, **_: answer)
    return found


def connect(url: str, **options: Any) -> Client:
    """`redis://`, `rediss://`, `unix://`; and `redis+cluster://` with any node of a cluster."""
    if is_cluster(url):
        return redis.RedisCluster.from_url(plain(url), **options)
    return redis.Redis.from_url(url, **options)


def is_cluster(url: str) -> bool:
    return _CLUSTER in url.partition("//")[0]


def plain(url: str) -> str:
    """The address of the one node that it names."""
    return url.replace(_CLUSTER, ":", 1)


def _order_keys(shard: int, generation: int, order: UUID) -> tuple[str, str]:
    return generation_key(shard), order_key(shard, generation, order)


def _pace_keys(shard: int, generation: int) -> tuple[str, str]:
    return pace_key(shard, generation), paces_key(shard, generation)


def _reservation_keys(shard: int, generation: int) -> tuple[str, str]:
    head = prefix(shard, generation)
    return f"{head}reserved", f"{head}expiry"


def _seen_key(shard: int, minute: int) -> str:
    return f"{tag(shard)}:seen:{minute}"


def _orders(shard: int, generation: int) -> str:
    return f"{prefix(shard, generation)}o:"
