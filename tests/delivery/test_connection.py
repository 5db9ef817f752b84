"""The edge's own HTTP: what a connection may ask, in which order it is answered, and when it ends."""

import json
import socket

import pytest

from tests.delivery.edge import Platform, a_key, an_edge

ALIVE = b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n"


class Line:
    """A connection, byte by byte."""

    def __init__(self, url: str) -> None:
        host, _, port = url.removeprefix("http://").partition(":")
        self.socket = socket.create_connection((host, int(port)), timeout=10)
        self.read = self.socket.makefile("rb")

    def send(self, *parts: bytes) -> "Line":
        for part in parts:
            self.socket.sendall(part)
        return self

    def answer(self, *, has_body: bool = True) -> tuple[int, dict[str, str], bytes]:
        status = int(self.read.readline().split()[1])
        headers = {}
        while (line := self.read.readline().strip()) != b"":
            name, _, value = line.decode().partition(": ")
            headers[name] = value
        length = int(headers.get("content-length", 0)) if has_body else 0
        return status, headers, self.read.read(length)

    @property
    def has_ended(self) -> bool:
        try:
            return self.read.read(1) == b""
        except ConnectionError:
            return True


@pytest.fixture
def line(edge: str) -> Line:
    return Line(edge)


def asked(body: bytes, *headers: bytes, path: bytes = b"/v1/events") -> bytes:
    told = b"".join(header + b"\r\n" for header in (b"host: x", *headers))
    return b"POST %b HTTP/1.1\r\n%b\r\n%b" % (path, told, body)


def length(body: bytes) -> bytes:
    return b"content-length: %d" % len(body)


EVENTS = json.dumps({"events": [{"token": "x", "type": "impression"}]}).encode()


def test_a_connection_is_kept_and_answers_in_the_order_of_the_questions(line):
    events = asked(EVENTS, length(EVENTS))
    line.send(ALIVE + events + ALIVE + events)
    assert [line.answer()[0] for _ in range(4)] == [200, 202, 200, 202]
    assert line.send(ALIVE).answer()[0] == 200


def test_many_questions_at_once_are_all_answered(line):
    line.send(ALIVE * 50)
    assert {line.answer()[0] for _ in range(50)} == {200}


def test_a_question_may_come_in_pieces(line):
    whole = asked(EVENTS, length(EVENTS))
    line.send(*(whole[at : at + 7] for at in range(0, len(whole), 7)))
    assert line.answer()[0] == 202


def test_a_body_may_come_in_chunks_whose_trailer_is_no_header(line):
    chunks = b"%x\r\n%b\r\n%x\r\n%b\r\n0\r\nauthorization: Api-Key x\r\n\r\n" % (
        9,
        EVENTS[:9],
        len(EVENTS) - 9,
        EVENTS[9:],
    )
    assert line.send(asked(chunks, b"transfer-encoding: chunked")).answer()[0] == 202


def test_who_asks_whether_to_go_on_is_told_to(line):
    line.send(asked(b"", length(EVENTS), b"expect: 100-continue"))
    assert line.answer()[0] == 100
    assert line.send(EVENTS).answer()[0] == 202


@pytest.mark.parametrize(
    "question",
    [
        b"NONSENSE\r\n\r\n",
        b"GET /health/live HTTP/1.1\r\nno colon\r\n\r\n",
        asked(EVENTS, length(EVENTS), b"transfer-encoding: chunked"),
        asked(b"", b"content-length: many"),
    ],
)
def test_what_is_not_http_is_refused_after_what_was_and_ends_the_connection(line, question):
    line.send(ALIVE + question)
    assert line.answer()[0] == 200
    status, headers, body = line.answer()
    assert (status, headers["connection"]) == (400, "close")
    assert json.loads(body)["errors"][0]["code"] == "malformed"
    assert line.has_ended


def test_headers_have_bounds(line):
    line.send(b"GET /health/live HTTP/1.1\r\n")
    try:
        for number in range(100):
            line.send(b"x-%d: %b\r\n" % (number, b"a" * 8000))
    except ConnectionError:
        return  # it did not even read them all
    assert line.answer()[0] == 413
    assert line.has_ended


@pytest.mark.parametrize("mib", [5, 12])
def test_a_body_that_is_too_large_is_refused_whoever_sends_it(line, mib):
    try:
        line.send(asked(b"", b"content-length: %d" % (mib << 20)), *[b" " * (1 << 20)] * mib)
    except ConnectionError:
        assert mib == 12
        return
    assert line.answer()[0] == 413


def test_who_wants_no_more_is_answered_and_left(line):
    line.send(b"GET /health/live HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
    status, headers, _ = line.answer()
    assert (status, headers["connection"]) == (200, "close")
    assert line.has_ended


def test_head_tells_the_length_and_nothing_more(line):
    status, headers, _ = line.send(b"HEAD /health/live HTTP/1.1\r\nhost: x\r\n\r\n").answer(has_body=False)
    assert (status, headers["content-length"]) == (200, "15")
    assert line.send(ALIVE).answer()[2] == b'{"status":"ok"}'


def test_who_is_told_to_end_answers_first_and_asks_nobody_to_stay(run, committed_db):
    with an_edge(run, committed_db) as url:
        idle = Line(url)
        assert idle.send(ALIVE).answer()[0] == 200
        assert Platform(url, a_key()).decide().status_code == 200
    assert idle.has_ended
