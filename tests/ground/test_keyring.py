"""Keys: a value opens with the key and purpose it was made with, and with nothing else."""

import base64
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promote.keys.keyring import PURPOSES, Key, Keyring, SealBroken, parse

OLD, NEW = Key("k1", b"1" * 32), Key("k2", b"2" * 32)


def ring(*keys):
    return Keyring(dict.fromkeys(PURPOSES, keys))


@given(st.binary(max_size=300))
def test_what_is_sealed_comes_out_as_it_was(payload):
    assert ring(NEW).unseal("quotes", ring(NEW).seal("quotes", payload)) == payload


def test_a_value_made_before_the_rotation_still_opens_and_new_ones_name_the_new_key():
    sealed = ring(OLD).seal("links", b"x")
    assert ring(NEW, OLD).unseal("links", sealed) == b"x"
    assert ring(NEW, OLD).seal("links", b"x").startswith("k2.")
    with pytest.raises(SealBroken):
        ring(NEW).unseal("links", sealed)


def test_a_value_does_not_open_for_another_purpose():
    with pytest.raises(SealBroken):
        ring(NEW).unseal("links", ring(NEW).seal("quotes", b"x"))


@given(st.data())
def test_a_changed_value_does_not_open(data):
    sealed = ring(NEW).seal("quotes", b"700 coins")
    at = data.draw(st.integers(0, len(sealed) - 1))
    other = data.draw(st.sampled_from("ABCabc019_-.~ é"))
    changed = sealed[:at] + other + sealed[at + 1 :]
    if changed != sealed:
        # The last character of base64 can hold bits that no byte uses; then the value is the same value.
        with contextlib.suppress(SealBroken):
            assert (ring(NEW).unseal("quotes", changed), at) == (b"700 coins", len(sealed) - 1)


@given(st.text())
def test_anything_else_is_refused_and_never_crashes(text):
    with pytest.raises(SealBroken):
        ring(NEW).unseal("quotes", text)


def test_keys_are_read_newest_first_and_short_secrets_are_refused():
    text = ",".join(f"{key.id}:{base64.b64encode(key.secret).decode()}" for key in (NEW, OLD))
    assert parse(text) == (NEW, OLD)
    with pytest.raises(ValueError, match="32 bytes"):
        parse("k1:" + base64.b64encode(b"short").decode())
