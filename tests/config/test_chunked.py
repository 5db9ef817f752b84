"""Bodies whose length the client does not say."""

import io

import pytest

from promote.config import chunked


def received(body, **environ):
    seen = {}

    def application(environ, start_response):
        seen["body"] = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        return []

    chunked.measured(application)({"wsgi.input": io.BytesIO(body), **environ}, None)
    return seen["body"]


IN_CHUNKS = {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True}


@pytest.mark.parametrize("size", [0, 1, chunked.PART_BYTES, chunked.PART_BYTES * 3 + 1])
def test_a_body_in_chunks_is_read_whole(size):
    assert received(b"x" * size, **IN_CHUNKS) == b"x" * size


def test_a_body_too_large_for_any_door_is_not_read_to_its_end():
    assert len(received(b"x" * (chunked.BODY_MAX_BYTES + 5), **IN_CHUNKS)) == chunked.BODY_MAX_BYTES


def test_where_the_server_would_not_end_the_body_nothing_waits_for_it():
    assert received(b"x", HTTP_TRANSFER_ENCODING="chunked") == b""


def test_a_length_that_was_said_stands():
    assert received(b"xyz", CONTENT_LENGTH="2") == b"xy"
