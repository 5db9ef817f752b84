"""The outbox: what is recorded with a change reaches its readers, at least once, and a failure holds nobody up."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from promote import outbox
from promote.outbox import relay, tasks, topics
from promote.outbox.models import Message

pytestmark = pytest.mark.django_db


@pytest.fixture
def heard():
    """What subscribers of the topics `t_good` and `t_bad` were told; `t_bad` refuses while `heard.refuse` holds."""

    class Heard(list):
        refuse = True

    told = Heard()

    def good(payload, now):
        told.append(payload["n"])

    def bad(payload, now):
        told.append(payload["n"])
        Message.objects.create(topic="written by a handler that fails", payload={})
        if told.refuse:
            raise RuntimeError("no")

    outbox.subscribe("t_good")(good)
    outbox.subscribe("t_bad")(bad)
    yield told
    topics._handlers.pop("t_good")
    topics._handlers.pop("t_bad")


def test_messages_reach_their_subscribers_in_order_and_once(heard):
    for n in range(3):
        outbox.record("t_good", {"n": n})
    relay.relay()
    relay.relay()
    assert heard == [0, 1, 2]


def test_a_message_of_a_transaction_that_was_rolled_back_was_never_sent(heard):
    with pytest.raises(RuntimeError), transaction.atomic():
        outbox.record("t_good", {"n": 1})
        raise RuntimeError
    relay.relay()
    assert heard == []


def test_a_failing_subscriber_holds_up_nobody_and_leaves_nothing_behind(heard):
    outbox.record("t_bad", {"n": 1})
    outbox.record("t_good", {"n": 2})
    relay.relay()
    assert heard == [1, 2]
    waiting = Message.objects.get(done_at=None)
    assert (waiting.attempts, waiting.dead) == (1, False)
    assert waiting.error == "RuntimeError"
    assert not Message.objects.filter(topic__startswith="written by").exists()


def test_a_message_that_fails_for_good_stands_aside_and_can_be_replayed(heard):
    outbox.record("t_bad", {"n": 1})
    for _try in range(relay.MOST_ATTEMPTS):
        Message.objects.update(retry_at=timezone.now() - timedelta(seconds=1))
        relay.relay()
    dead = Message.objects.get(topic="t_bad")
    assert dead.dead
    heard.refuse = False
    assert relay.replay(message_ids=[dead.id]) == 1
    relay.relay()
    dead.refresh_from_db()
    assert dead.done_at is not None


@pytest.fixture
def heard_together():
    """What a subscriber of many `t_many` messages was told in each call that it took; it refuses the number 3."""
    calls = []

    def many(payloads, now):
        numbers = [payload["n"] for payload in payloads]
        Message.objects.create(topic="written for " + str(numbers), payload={}, dead=True)
        if 3 in numbers:
            raise RuntimeError("no three")
        calls.append(numbers)

    outbox.subscribe_many("t_many")(many)
    yield calls
    topics._batch_handlers.pop("t_many")


def test_many_messages_are_read_together_and_one_that_can_not_be_holds_up_no_other(heard_together):
    outbox.record_all("t_many", [{"n": n} for n in range(6)])
    assert relay.relay() == 5
    assert sorted(n for call in heard_together for n in call) == [0, 1, 2, 4, 5]
    assert len(heard_together) < 5
    (waiting,) = Message.objects.filter(done_at=None, dead=False)
    assert (waiting.payload, waiting.attempts) == ({"n": 3}, 1)
    assert not Message.objects.filter(topic="written for [0, 1, 2, 3, 4, 5]").exists()


def test_a_heap_of_one_topic_holds_up_no_other(heard, heard_together):
    outbox.record_all("t_many", [{"n": 10 + n} for n in range(30)])
    outbox.record("t_good", {"n": 1})
    assert relay.relay(limit=10) == 11
    assert heard == [1]
    assert heard_together == [list(range(10, 20))]


def test_what_is_recorded_while_its_line_is_read_waits_to_be_read_together():
    calls = []

    def many(payloads, now):
        calls.append([payload["n"] for payload in payloads])
        if len(calls) == 1:
            outbox.record_all("t_more", [{"n": 2}, {"n": 3}])

    outbox.subscribe_many("t_more")(many)
    try:
        outbox.record("t_more", {"n": 1})
        assert relay.relay() == 1
        assert relay.relay() == 2
    finally:
        topics._batch_handlers.pop("t_more")
    assert calls == [[1], [2, 3]]


def test_who_records_nothing_wakes_nobody(heard, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks() as woken:
        outbox.record_all("t_good", [])
    assert not woken
    with django_capture_on_commit_callbacks() as woken:
        outbox.record_all("t_good", [{"n": 1}])
    assert len(woken) == 1


def test_what_is_urgent_is_read_first_and_by_itself(heard):
    outbox.subscribe("t_urgent", is_urgent=True)(lambda payload, now: heard.append(payload["n"]))
    try:
        outbox.record("t_good", {"n": 1})
        outbox.record("t_urgent", {"n": 2})
        assert relay.relay(only_urgent=True) == 1
        outbox.record("t_urgent", {"n": 3})
        assert relay.relay() == 2
    finally:
        topics._handlers.pop("t_urgent")
        topics._urgent.discard("t_urgent")
    assert heard == [2, 3, 1]


def test_each_is_called_for_at_the_worker_that_reads_it(heard, django_capture_on_commit_callbacks):
    outbox.subscribe("t_urgent", is_urgent=True)(lambda payload, now: None)
    try:
        with django_capture_on_commit_callbacks() as woken:
            outbox.record("t_good", {"n": 1})
            outbox.record("t_urgent", {"n": 2})
    finally:
        topics._handlers.pop("t_urgent")
        topics._urgent.discard("t_urgent")
    assert woken == [tasks.wake, tasks.wake_urgent]
