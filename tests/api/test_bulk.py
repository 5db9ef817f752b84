"""Many upserts in one call."""

import json

import pytest

from promote.accounts.models import Account
from promote.catalogue.models import LiveRoom, Video
from promote.front import api_bulk
from tests.api.bodies import T2, account_body, live_body, video_body
from tests.api.callers import a_platform, problem

pytestmark = pytest.mark.django_db


def sent(lines, platform=None):
    raw = b"\n".join(line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines)
    platform = platform or a_platform("catalogue")
    answer = platform.post("/platform/bulk", raw=raw, **{"Content-Type": "application/x-ndjson"})
    assert answer.status_code == 200, answer.content
    assert answer["Content-Type"] == "application/x-ndjson"
    return [json.loads(line) for line in b"".join(answer.streaming_content).splitlines()]


def test_each_line_is_answered_in_its_order():
    results = sent(
        [
            {"kind": "account", "external_id": "sri", **account_body()},
            {"kind": "video", "external_id": "v1", **video_body("sri")},
            {"kind": "live", "external_id": "l1", **live_body("sri")},
            {"kind": "account", "external_id": "sri", **account_body(updated_at=T2)},
            {"kind": "account", "external_id": "sri", **account_body()},
        ]
    )
    assert [result["line"] for result in results] == [1, 2, 3, 4, 5]
    assert [result["status"] for result in results] == ["created", "created", "created", "updated", "stale"]
    assert [result["id"][:4] for result in results] == ["acc_", "vid_", "liv_", "acc_", "acc_"]


def test_a_bad_line_stops_no_other():
    results = sent(
        [
            b"{not json",
            b"[]",
            b'{"kind": "account", "kind": "video"}',
            {"kind": "planet", "external_id": "mars"},
            {"external_id": "x"},
            {"kind": "account", "external_id": "a b", **account_body()},
            {"kind": "video", "external_id": "v1", **video_body("nobody")},
            {"kind": "account", "external_id": "nul", **account_body(username="a\x00b")},
            b'{"kind": "account", "external_id": "\\ud800"}',
            b"\xff\xfe",
            b"[" * 100_000,
            {"kind": "account", "external_id": "sri", **account_body()},
        ]
    )
    assert [result["status"] for result in results] == ["invalid"] * 11 + ["created"]
    assert all(result["errors"] and result["id"] is None for result in results[:11])
    assert results[6]["errors"][0] == {
        "field": "account",
        "code": "not_found",
        "detail": "No such account. Send the account first, then this.",
    }
    assert Account.objects.count() == 1
    assert not Video.objects.exists()
    assert not LiveRoom.objects.exists()


def test_blank_lines_are_no_lines_but_are_counted():
    account = {"kind": "account", "external_id": "sri", **account_body()}
    assert [result["line"] for result in sent([b"", account, b"  ", account, b""])] == [2, 4]


def test_an_empty_bulk_has_an_empty_answer():
    assert sent([]) == []


def test_more_than_ten_thousand_lines_are_refused_before_the_first_is_taken():
    account = json.dumps({"kind": "account", "external_id": "sri", **account_body()}).encode()
    raw = account + b"\n" + b"{}\n" * api_bulk.LINES_MAX
    answer = a_platform("catalogue").post("/platform/bulk", raw=raw)
    assert (answer.status_code, problem(answer)["code"]) == (413, "too_large")
    assert not Account.objects.exists()


def test_more_than_ten_megabytes_are_refused():
    answer = a_platform("catalogue").post("/platform/bulk", raw=b" " * (api_bulk.BYTES_MAX + 1))
    assert (answer.status_code, problem(answer)["code"]) == (413, "too_large")
