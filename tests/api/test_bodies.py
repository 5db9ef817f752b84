"""What a body may not be, and that saying so is all that happens."""

import json

import pytest
from django.test import override_settings

from tests.api.bodies import account_body
from tests.api.callers import Caller, a_platform, an_app, problem, wrong_fields
from tests.builders import an_account

pytestmark = pytest.mark.django_db
PATH = "/platform/accounts/sri"
GOOD = json.dumps(account_body())


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"{", "malformed"),
        (b"nonsense", "malformed"),
        (b"[]", "not_an_object"),
        (b'"text"', "not_an_object"),
        (b"null", "not_an_object"),
        (b"12", "not_an_object"),
        (b'{"a": NaN}', "malformed"),
        (b'{"a": -Infinity}', "malformed"),
        (b'{"a": 1e999}', "number_too_large"),
        (b'{"a": ' + b"9" * 5000 + b"}", "number_too_large"),
        (b'{"a": ' + b"[" * 50 + b"]" * 50 + b"}", "too_deep"),
        (b"[" * 200_000, "too_deep"),
        (b'{"a": "\xff"}', "encoding"),
        ("{}".encode("utf-16"), "encoding"),
        (b'{"a": 1, "a": 2}', "duplicate"),
        (b'{"a": {"b": 1, "b": 1}}', "duplicate"),
        (b'{"a": "\\u0000"}', "characters"),
        (b'{"a": "\\ud800"}', "characters"),
        (b'{"\\u0000": 1}', "characters"),
        (b'{"a": ["x", "\\u0000"]}', "characters"),
    ],
)
def test_a_body_that_is_no_clean_object_is_invalid(raw, code):
    answer = a_platform("catalogue").put(PATH, raw=raw)
    assert list(wrong_fields(answer).values()) == [code]


def test_a_body_over_a_megabyte_is_too_large():
    answer = a_platform("catalogue").put(PATH, raw=GOOD.encode() + b" " * 1_000_000)
    assert (answer.status_code, problem(answer)["code"]) == (413, "too_large")


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "x", ""])
def test_another_kind_of_body_is_told_what_is_taken(kind):
    answer = a_platform("catalogue").put(PATH, raw=GOOD.encode(), **{"Content-Type": kind})
    assert (answer.status_code, problem(answer)["code"]) == (415, "unsupported_media_type")


def test_a_charset_in_the_content_type_is_fine():
    answer = a_platform("catalogue").put(PATH, raw=GOOD.encode(), **{"Content-Type": "application/json; charset=utf-8"})
    assert answer.status_code == 201


@pytest.mark.parametrize("accept", ["text/html", "application/problem+json", "image/*", "nonsense"])
def test_what_the_caller_would_rather_have_had_hides_no_answer(accept):
    assert a_platform("catalogue").put(PATH, account_body(), Accept=accept).status_code == 201


@pytest.mark.parametrize(
    "path", ["/orders?status=&cursor=&limit=", "/invoices?kind=&cursor=", "/offers?limit=", "/wallet/statement?cursor="]
)
def test_a_parameter_with_nothing_in_it_was_left_out(path):
    assert an_app(an_account()).get(path).json() == {"results": [], "next": None}


def test_an_unknown_address_is_a_problem():
    assert problem(a_platform().get("/nowhere"))["code"] == "not_found"
    assert problem(a_platform().get("/central/"))["code"] == "not_found"


def test_another_method_is_a_problem_that_names_the_right_one():
    answer = a_platform("catalogue").get(PATH)
    assert (answer.status_code, problem(answer)["code"]) == (405, "method_not_allowed")
    assert "PUT" in answer["Allow"]


def test_what_nobody_foresaw_is_a_problem_without_its_insides(monkeypatch):
    def broken(**_):
        raise RuntimeError("secret insides")

    monkeypatch.setattr("promote.front.api_catalogue.sync.put_account", broken)
    caller = a_platform("catalogue")
    caller.client.raise_request_exception = False
    answer = caller.put(PATH, account_body())
    assert (answer.status_code, problem(answer)["code"]) == (500, "internal_error")
    assert b"secret" not in answer.content


@override_settings(ALLOWED_HOSTS=["promote.example"])
def test_a_request_for_another_host_is_a_problem():
    assert problem(Caller().get("/notifications"))["code"] == "invalid"
