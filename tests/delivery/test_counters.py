"""The shard's scripts: each step once, nothing without a generation, never more than was released."""

import pytest

from delivery import hot
from delivery.hot import Cap, Grant
from promote import ids

SHARD, GENERATION = 3, 1
ENTRY = b"an event"


@pytest.fixture
def order():
    """An order with 10,000 micros released out of 50,000."""
    client = hot.client()
    client.set(hot.generation_key(SHARD), GENERATION)
    id_ = ids.new()
    assert granted(id_, most=10_000, left=50_000) == 1
    return id_


def granted(order, *, most, left, drained=0, epoch=1, generation=GENERATION, held=None):
    grant = Grant(order, most, left, drained, None, held)
    return run(hot.release(shard=SHARD, generation=generation, epoch=epoch, grants=[grant]))


def run(call):
    return hot.run(hot.client(), call)[0]


def reserve(order, *prices, generation=GENERATION, until_s=2_000_000_000, viewer=99, times=1000):
    """The tokens, and what was said to the last."""
    tokens = [(ids.new(), price) for price in prices]
    answers = hot.run(
        hot.client(),
        *(
            hot.reserve(
                shard=SHARD, generation=generation, order=order.bytes, until_s=until_s, token=token.bytes,
                price_micros=price, viewer=viewer, cap=Cap(times, 86_400),
            )
            for token, price in tokens
        ),
    )  # fmt: skip
    return tokens, answers[-1]


def free(order, token, price, *, viewer=99):
    return run(
        hot.free(
            shard=SHARD, generation=GENERATION, order=order.bytes, token=token.bytes, price_micros=price, viewer=viewer
        )
    )  # fmt: skip


def an_impression(order, token, price=0, *, token_generation=GENERATION):
    return hot.Event(token_generation, token.bytes, 1, price, order.hex, ENTRY)


def an_action(order, token, code=5, *, token_generation=GENERATION):
    return hot.Event(token_generation, token.bytes, 1 << code, 0, order.hex, ENTRY)


def take(*events, generation=GENERATION):
    return run(hot.take(shard=SHARD, generation=generation, minute=20_000, kept_for_s=60, events=events))


def charge(order, token, price, *, token_generation=GENERATION):
    [answer] = take(an_impression(order, token, price, token_generation=token_generation))
    return answer


def append(order, token, code, *, token_generation=GENERATION):
    [answer] = take(an_action(order, token, code, token_generation=token_generation))
    return answer


def figures(order, generation=GENERATION):
    return hot.counters(hot.client(), shard=SHARD, generation=generation, orders=[order])[order]


def stream():
    return hot.client().xrange(hot.stream_key(SHARD, GENERATION))


def test_reservations_stop_at_what_is_released(order):
    assert reserve(order, 4_000, 4_000)[1] == hot.DONE
    assert reserve(order, 4_000)[1] == 0
    assert (figures(order).free, figures(order).reserved) == (2_000, 8_000)


def test_an_impression_is_charged_once(order):
    [(token, price)], _done = reserve(order, 4_000)
    assert [charge(order, token, price) for _ in range(3)] == [hot.DONE, hot.DUPLICATE, hot.DUPLICATE]
    assert (figures(order).reserved, figures(order).charged, figures(order).charges) == (0, 4_000, 1)
    assert len(stream()) == 1


def test_an_impression_whose_reservation_is_gone_is_not_charged(order):
    [(token, price)], _done = reserve(order, 4_000)
    assert [free(order, token, price), free(order, token, price)] == [hot.DONE, 0]
    assert charge(order, token, price) == hot.NOT_RESERVED
    assert (figures(order).free, figures(order).reserved) == (6_000, 0)
    assert granted(order, most=10_000, left=50_000) == 1
    assert figures(order).free == 10_000


def test_reservations_expire_by_themselves(order):
    reserve(order, 4_000, until_s=100)
    reserve(order, 3_000, until_s=300)
    assert run(hot.expire(shard=SHARD, generation=GENERATION, now_s=200.0)) == 1
    assert figures(order).reserved == 3_000


def test_an_action_needs_its_impression_and_counts_once(order):
    [(token, price)], _done = reserve(order, 4_000)
    assert append(order, token, 5) == hot.NO_IMPRESSION
    charge(order, token, price)
    assert [append(order, token, 5), append(order, token, 5), append(order, token, 6)] == [
        hot.DONE,
        hot.DUPLICATE,
        hot.DONE,
    ]


def test_events_that_come_together_are_taken_each_as_if_it_came_alone(order):
    [(token, price), (other, dearer)], _done = reserve(order, 4_000, 5_000)
    freed = ids.new()
    answers = take(
        an_action(order, other),
        an_impression(order, token, price),
        an_action(order, token),
        an_impression(order, token, price),
        an_action(order, token),
        an_impression(order, freed, 1_000),
        an_impression(order, other, dearer),
        an_action(order, other),
    )
    done, again = hot.DONE, hot.DUPLICATE
    assert answers == [hot.NO_IMPRESSION, done, done, again, again, hot.NOT_RESERVED, done, done]
    its = figures(order)
    assert (its.free, its.reserved, its.charged, its.charges) == (1_000, 0, 9_000, 2)
    assert [int(fields[b"p"]) for _id, fields in stream()] == [4_000, 0, 5_000, 0]


def test_without_a_generation_nothing_is_decided_and_nothing_taken(order):
    [(token, price)], _done = reserve(order, 4_000)
    hot.client().delete(hot.generation_key(SHARD))
    assert reserve(order, 1_000)[1] == hot.LOST
    assert take(an_impression(order, token, price), an_action(order, token)) == hot.LOST
    assert granted(order, most=1, left=1) == hot.LOST
    assert run(hot.barrier(shard=SHARD, generation=GENERATION, order=order)) == hot.LOST
    assert stream() == []


def test_a_process_of_an_older_generation_is_refused(order):
    hot.client().set(hot.generation_key(SHARD), GENERATION + 1)
    assert reserve(order, 1_000)[1] == hot.LOST


def test_a_token_of_a_lost_generation_is_taken_out_of_what_is_held_back(order):
    granted(order, most=10_000, left=50_000, held=5_000)
    assert charge(order, ids.new(), 3_000, token_generation=GENERATION - 1) == hot.DONE
    assert (figures(order).held, figures(order).charged) == (2_000, 3_000)


def test_an_action_of_a_lost_generation_is_left_to_the_drain_to_judge(order):
    assert append(order, ids.new(), 5, token_generation=GENERATION - 1) == hot.DONE


def test_release_never_goes_above_what_is_left_whatever_is_under_way(order):
    [(token, price)], _done = reserve(order, 10_000)
    charge(order, token, price)
    granted(order, most=100_000, left=12_000)
    assert figures(order).free == 2_000
    granted(order, most=100_000, left=12_000, held=1_500)
    assert figures(order).free == 500


def test_release_counts_reservations_in(order):
    reserve(order, 4_000)
    granted(order, most=6_000, left=50_000)
    assert figures(order).free == 2_000


def test_a_pacer_that_wakes_up_late_is_refused(order):
    granted(order, most=5_000, left=50_000, epoch=8)
    assert granted(order, most=50_000, left=50_000, epoch=7) == hot.OUTRUN
    assert figures(order).free == 5_000


def test_what_is_committed_leaves_the_stream_and_is_no_longer_under_way(order):
    tokens, _done = reserve(order, 2_000, 2_000, 2_000)
    for token, price in tokens:
        charge(order, token, price)
    second = stream()[1][0].decode()
    assert run(hot.trim(shard=SHARD, generation=GENERATION, upto=second)) == 2
    assert (figures(order).drained, figures(order).under_way) == (4_000, 2_000)
    assert run(hot.trim(shard=SHARD, generation=GENERATION, upto=second)) == 0
    assert figures(order).drained == 4_000


def test_what_a_drain_committed_is_forgotten_at_its_word_and_only_once(order):
    tokens, _done = reserve(order, 2_000, 2_000, 2_000)
    for token, price in tokens:
        charge(order, token, price)
    ids = [id_.decode() for id_, _fields in stream()]
    told = {"shard": SHARD, "generation": GENERATION, "micros": {order.hex: 4_000}}
    assert run(hot.forget(ids=ids[1:], **told)) == hot.LOST
    assert run(hot.forget(ids=ids[:2], **told)) == 2
    assert (figures(order).drained, figures(order).under_way) == (4_000, 2_000)
    assert run(hot.forget(ids=ids[:2], **told)) == hot.LOST
    assert figures(order).drained == 4_000
    assert [id_.decode() for id_, _fields in stream()] == ids[2:]


def test_trimming_in_parts_counts_each_entry_once(order):
    tokens, _done = reserve(order, *[1_000] * 7)
    for token, price in tokens:
        charge(order, token, price)
    last = stream()[5][0].decode()
    assert [run(hot.trim(shard=SHARD, generation=GENERATION, upto=last, most=4)) for _ in range(3)] == [4, 2, 0]
    assert figures(order).drained == 6_000
    assert len(stream()) == 1


def test_a_barrier_takes_back_what_is_released(order):
    assert run(hot.barrier(shard=SHARD, generation=GENERATION, order=order)) == hot.DONE
    assert figures(order).free == 0
    assert reserve(order, 1_000)[1] == 0


def test_large_amounts_stay_whole_numbers(order):
    most = 200_000 * 1_000_000
    granted(order, most=most, left=most)
    tokens, done = reserve(order, most - 1)
    assert done == 1
    assert figures(order).free == 1
    assert charge(order, tokens[0][0], most - 1) == hot.DONE
    assert figures(order).charged == most - 1


def test_a_viewer_is_shown_an_order_so_often_and_no_more(order):
    other = ids.new()
    assert granted(other, most=10_000, left=50_000) == 1
    assert [reserve(order, 1_000, times=2)[1] for _ in range(3)] == [hot.DONE, hot.DONE, hot.CAPPED]
    assert (figures(order).free, figures(order).reserved) == (8_000, 2_000)
    assert reserve(order, 1_000, times=2, viewer=100)[1] == hot.DONE
    assert reserve(other, 1_000, times=2)[1] == hot.DONE
    assert 0 < hot.client().ttl(hot.caps_key(SHARD, 99)) <= 86_400


def test_who_is_refused_for_money_or_given_back_was_not_shown_the_order(order):
    assert [reserve(order, 20_000, times=1)[1] for _ in range(3)] == [0, 0, 0]
    [(token, price)], done = reserve(order, 1_000, times=1)
    assert done == hot.DONE
    free(order, token, price)
    assert [reserve(order, 1_000, times=1)[1] for _ in range(2)] == [hot.DONE, hot.CAPPED]


def test_a_viewers_window_ends_though_they_are_shown_the_order_again(order):
    reserve(order, 1_000)
    hot.client().expire(hot.caps_key(SHARD, 99), 60)
    reserve(order, 1_000)
    assert hot.client().ttl(hot.caps_key(SHARD, 99)) <= 60


def test_a_script_that_redis_forgot_is_sent_again(order):
    hot.client().script_flush()
    assert reserve(order, 1_000)[1] == 1
