"""Who calls the edge is asked of the database once, and mostly while nobody waits for it."""

import asyncio
import threading

import pytest
from django.db import InterfaceError, OperationalError

from delivery.edge import callers
from delivery.edge.app import Edge
from delivery.edge.callers import Keys
from delivery.edge.http import Request
from promote.keys.platform_keys import KeyUnknown, ScopeMissing

KEY = "Api-Key pk_a_b"


class Database:
    """What it is asked, and how many answers it has given: none while its gate is closed."""

    def __init__(self, *answers):
        self.asked, self.answered, self.answers = 0, 0, answers
        self.gate = threading.Event()
        self.gate.set()

    def find(self, _text):
        self.asked += 1
        assert self.gate.wait(30)
        answer = self.answers[min(self.answered, len(self.answers) - 1)]
        self.answered += 1
        return answer


@pytest.fixture
def database(monkeypatch):
    known = Database(frozenset({"delivery"}), None)
    monkeypatch.setattr(callers, "_find", known.find)
    return known


def test_a_key_that_comes_with_many_requests_at_once_is_looked_up_once(database):
    async def asked():
        keys = Keys()
        database.gate.clear()
        waiting = [asyncio.ensure_future(keys.demand(KEY, "delivery")) for _ in range(50)]
        await asyncio.sleep(0)
        database.gate.set()
        await asyncio.gather(*waiting)
        with pytest.raises(ScopeMissing):
            await keys.demand(KEY, "ops")

    asyncio.run(asked())
    assert database.asked == 1


def test_a_key_is_asked_for_again_while_its_requests_are_served(database, monkeypatch):
    async def asked():
        keys = Keys()
        await keys.demand(KEY, "delivery")
        monkeypatch.setattr(callers, "_ASKED_AGAIN_AFTER_S", -1.0)
        database.gate.clear()
        await keys.demand(KEY, "delivery")
        await keys.demand(KEY, "delivery")
        assert database.answered == 1, "nobody waited for the second"
        database.gate.set()
        await _refused(keys)

    asyncio.run(asked())


async def _refused(keys):
    """It was revoked meanwhile: the answer comes by itself."""
    for _ in range(1000):
        try:
            await keys.demand(KEY, "delivery")
        except KeyUnknown:
            return
        await asyncio.sleep(0.01)
    pytest.fail("a revoked key is good for ever")


def test_who_is_older_than_is_allowed_waits_for_the_answer(database, monkeypatch):
    async def asked():
        keys = Keys()
        await keys.demand(KEY, "delivery")
        monkeypatch.setattr(callers, "FRESH_S", -1.0)
        monkeypatch.setattr(callers, "_ASKED_AGAIN_AFTER_S", -1.0)
        with pytest.raises(KeyUnknown):
            await keys.demand(KEY, "delivery")

    asyncio.run(asked())


def test_a_database_that_fails_is_told_to_who_waits_and_asked_again(monkeypatch):
    answers = iter([OSError("away"), frozenset({"delivery"})])

    def find(_text):
        answer = next(answers)
        if isinstance(answer, OSError):
            raise answer
        return answer

    monkeypatch.setattr(callers, "_find", find)

    async def asked():
        keys = Keys()
        with pytest.raises(OSError, match="away"):
            await keys.demand(KEY, "delivery")
        await keys.demand(KEY, "delivery")

    asyncio.run(asked())


class Caller:
    """Whoever asks, and what they are sent."""

    address, is_ending, gone = "127.0.0.1", False, False

    def __init__(self):
        self.heard = b""

    def send(self, data):
        self.heard += data

    def answered(self, *, is_last):
        pass


@pytest.mark.parametrize("error", [OperationalError("away"), InterfaceError("closed")])
def test_a_database_that_is_away_is_told_as_that_and_not_as_broken(error, monkeypatch):
    def find(_text):
        raise error

    monkeypatch.setattr(callers, "_find", find)
    caller = Caller()

    async def asked():
        await Edge().answer(Request(caller, "POST", "/v1/decide", "", {b"authorization": KEY.encode()}, is_last=False))

    asyncio.run(asked())
    assert caller.heard.startswith(b"HTTP/1.1 503 ")
    assert b'"code":"unavailable"' in caller.heard
