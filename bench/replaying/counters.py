"""The counters that a replay sells by: the product's own, by its scripts in a real Redis, or a copy of their rules.

The orders that the product paces are replayed by its own; other rules, which are held against it, by the copy, which a
test keeps the same to the micro.
"""

import secrets
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from time import time
from typing import Any, NamedTuple, Protocol
from uuid import UUID

import hiredis

from delivery import hot, seen
from delivery.engine.index import Pace
from delivery.engine.steps import Purse
from delivery.hot import Call, Event, Grant, Packed

Asking = Call | Packed | tuple[Any, ...]


class Release(NamedTuple):
    """What a look lets an order of this place spend, and what it tells the deciders."""

    place: int
    most: int
    pace: Pace


class Sold(NamedTuple):
    """A reservation, by the place of its order."""

    place: int
    price: int
    token: bytes


@dataclass(slots=True)
class Account:
    """The counters of one order, by the rules of delivery/lua: reserve, charge, release. Micros but for `charges`."""

    budget: int
    free: int = 0
    reserved: int = 0
    charged: int = 0
    charges: int = 0

    def reserve(self, price: int) -> bool:
        if price > self.free:
            return False
        self.free -= price
        self.reserved += price
        return True

    def charge(self, price: int) -> None:
        self.reserved -= price
        self.charged += price
        self.charges += 1

    def release(self, most: int) -> None:
        self.free = max(0, min(most, self.budget - self.charged) - self.reserved)

    @property
    def purse(self) -> Purse:
        return Purse(self.budget, self.budget, self.charged, self.reserved, 0, self.charged, self.charges)


class Counters(Protocol):
    def accounts(self, places: Sequence[int]) -> list[Account]:
        """As they stand now, of orders by their places."""

    def release(self, releases: Sequence[Release]) -> None: ...

    def reserve(self, place: int, price: int) -> Sold | None: ...

    def charge(self, sold: Sold) -> None: ...


class Copied(Counters):
    """By the copy."""

    def __init__(self, orders: Sequence[UUID], budgets: Sequence[int]) -> None:
        self.all = [Account(budget) for budget in budgets]

    def accounts(self, places: Sequence[int]) -> list[Account]:
        return [self.all[place] for place in places]

    def release(self, releases: Sequence[Release]) -> None:
        for one in releases:
            self.all[one.place].release(one.most)

    def reserve(self, place: int, price: int) -> Sold | None:
        return Sold(place, price, b"") if self.all[place].reserve(price) else None

    def charge(self, sold: Sold) -> None:
        self.all[sold.place].charge(sold.price)


_UNCAPPED = hot.Cap(2**53, 86_400)
"""The log knows no viewers."""


class Scripts(Counters):
    """By delivery/lua, in Redis. What needs no answer goes along with what does. Nothing is drained meanwhile: what was
    charged is under way, and stands in the stream, as while a drain is late."""

    _generation, _until, _epoch = 1, 2**31 - 1, 1
    _seen_most = 20_000
    """Then the stream forgets what was charged."""

    def __init__(self, path: str, orders: Sequence[UUID], budgets: Sequence[int]) -> None:
        self._wire, self.orders, self.budgets = Wire(path), orders, budgets
        self._shard = secrets.randbelow(2**40)
        self._waiting: list[bytes] = []
        self._expected: list[Any] = []
        self._tokens = self._charged = 0
        for script in hot.scripts():
            self._send(("SCRIPT", "LOAD", script.text), expects=script.sha.encode())
        self._send(("SET", hot.generation_key(self._shard), self._generation), expects=b"OK")

    def accounts(self, places: Sequence[int]) -> list[Account]:
        names = [self.orders[place] for place in places]
        found = hot.counters_in(
            self._ask(hot.counting(shard=self._shard, generation=self._generation, orders=names)), names
        )
        return [
            Account(self.budgets[place], its.free, its.reserved, its.charged, its.charges)
            for place, its in zip(places, found.values(), strict=True)
        ]

    def release(self, releases: Sequence[Release]) -> None:
        grants = [
            Grant(
                order=self.orders[one.place],
                most_micros=one.most,
                left_micros=self.budgets[one.place],
                drained_micros=0,
                pace=one.pace,
            )
            for one in releases
        ]
        call = hot.release(shard=self._shard, generation=self._generation, epoch=self._epoch, grants=grants)
        self._send(call, expects=len(grants))

    def reserve(self, place: int, price: int) -> Sold | None:
        self._tokens += 1
        token = self._tokens.to_bytes(16, "big")
        call = hot.reserve(
            shard=self._shard, generation=self._generation, order=self.orders[place].bytes, until_s=self._until,
            token=token, price_micros=price, viewer=0, cap=_UNCAPPED,
        )  # fmt: skip
        return Sold(place, price, token) if self._ask(call) == hot.DONE else None

    def charge(self, sold: Sold) -> None:
        event = Event(self._generation, sold.token, 1, sold.price, self.orders[sold.place].hex, b"")
        minute = seen.minute(self._until)
        call = hot.take(
            shard=self._shard, generation=self._generation, minute=minute,
            kept_for_s=seen.kept_for_s(minute, now=time()), events=[event],
        )  # fmt: skip
        self._send(call, expects=[hot.DONE])
        self._charged += 1
        if self._charged % self._seen_most == 0:
            self._send(("XTRIM", hot.stream_key(self._shard, self._generation), "MAXLEN", 0), expects=self._seen_most)

    def close(self) -> None:
        """Leaves nothing behind in Redis."""
        cursor, names = b"0", hot.tag(self._shard)
        while True:
            cursor, keys = self._ask(("SCAN", cursor, "MATCH", f"{names}:*", "COUNT", 1000))
            if keys:
                self._ask(("UNLINK", *keys))
            if cursor == b"0":
                break
        self._wire.close()

    def _send(self, call: Asking, *, expects: Any) -> None:
        self._waiting.append(_packed(call))
        self._expected.append(expects)

    def _ask(self, call: Asking) -> Any:
        *answers, last = self._wire.ask([*self._waiting, _packed(call)])
        if answers != self._expected:
            raise AssertionError(f"Redis answered {answers} where {self._expected} was due")
        self._waiting, self._expected = [], []
        return last


class Wire:
    """A connection to the Redis behind this socket, waited for."""

    def __init__(self, path: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(path)
        self._reader = hiredis.Reader()

    def ask(self, commands: Sequence[bytes]) -> list[Any]:
        self._socket.sendall(b"".join(commands))
        answers: list[Any] = []
        while len(answers) < len(commands):
            answer = self._reader.gets()
            if answer is False:
                self._reader.feed(self._socket.recv(65536))
            elif isinstance(answer, hiredis.ReplyError):
                raise answer
            else:
                answers.append(answer)
        return answers

    def close(self) -> None:
        self._socket.close()


def _packed(call: Asking) -> bytes:
    if isinstance(call, Packed):
        return call.raw
    return hot.pack(call.evalsha if isinstance(call, Call) else call)
