"""`Idempotency-Key`: the same request twice is done once."""

import hashlib
import json
import threading
from importlib import import_module
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.db import connection
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory

from promote.accounts.models import Account
from promote.idempotency import answers
from promote.idempotency.models import StoredAnswer
from promote.keys import keyring
from promote.refusals import WrongState
from promote.rest import Idempotent
from promote.rest.fields import Shape, StrictCharField
from promote.rest.problems import respond
from promote.rest.views import Door
from tests import builders
from tests.api.callers import Caller, an_app, problem, wrong_fields
from tests.builders import NOON

pytestmark = pytest.mark.django_db


class NameIn(Shape):
    name = StrictCharField()


class Making(Idempotent, Door):
    """Makes an account, so that a second one would show."""

    def post(self, request):
        name = NameIn.read(request)["name"]
        made = builders.an_account(external_id=name)
        if name == "raises":
            raise WrongState
        if name == "answers":
            return respond(WrongState())
        return Response({"id": made.public_id, "name": "Śri"}, status=201)


def ask(app, body, key="k", path="/things"):
    headers = {**app.headers, **({"Idempotency-Key": key} if key is not None else {})}
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = APIRequestFactory().post(path, raw, content_type="application/json", headers=headers)
    response = Making.as_view()(request).render()
    response.json = lambda: json.loads(response.content)
    return response


@pytest.fixture
def app():
    return an_app(builders.an_account(external_id="owner"))


def made():
    return Account.objects.exclude(external_id="owner").count()


def test_the_same_request_again_has_the_same_answer_and_is_done_once(app):
    first, second = ask(app, {"name": "a"}), ask(app, {"name": "a"})
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert "Idempotent-Replayed" not in first
    assert second["Idempotent-Replayed"] == "true"
    assert made() == 1


def test_the_same_body_in_another_order_is_the_same(app):
    ask(app, b'{"name": "a", "note": 1}')
    assert ask(app, b'{ "note":1,\n"name":"a" }')["Idempotent-Replayed"] == "true"


def test_nobody_can_tell_from_what_is_kept_which_bank_account_a_body_named(app):
    body = b'{"account":"1234567890","name":"a"}'
    ask(app, body)
    kept = StoredAnswer.objects.get()
    assert hashlib.sha256(body).hexdigest() not in kept.body_hash
    assert keyring.digests("fields", hashlib.sha256(body).hexdigest().encode()) == [kept.body_hash]


def test_the_same_request_is_known_again_when_our_key_was_changed_meanwhile(app, monkeypatch):
    before = keyring.from_settings()
    ask(app, {"name": "a"})
    keys = {purpose: before.all(purpose) for purpose in keyring.PURPOSES}
    keys["fields"] = (keyring.Key("next", b"n" * 32), *keys["fields"])
    monkeypatch.setattr(keyring, "from_settings", lambda: keyring.Keyring(keys))
    assert ask(app, {"name": "a"})["Idempotent-Replayed"] == "true"


def test_answers_that_were_kept_under_bare_hashes_are_given_again(app):
    ask(app, {"name": "a"})
    StoredAnswer.objects.update(body_hash=hashlib.sha256(b'{"name":"a"}').hexdigest())
    import_module("promote.idempotency.migrations.0002_hashes_under_a_key").put_under_a_key(
        apps, SimpleNamespace(connection=connection)
    )
    assert ask(app, {"name": "a"})["Idempotent-Replayed"] == "true"


def test_another_body_under_the_same_key_is_refused(app):
    ask(app, {"name": "a"})
    answer = ask(app, {"name": "b"})
    assert (answer.status_code, problem(answer)["code"]) == (422, "idempotency_key_reused")
    assert made() == 1


@pytest.mark.parametrize("body", [b"{", b"[]", {"name": 5}, {}])
def test_the_key_is_looked_at_before_the_body_is_judged(app, body):
    answer = ask(app, body, key=None)
    assert (answer.status_code, problem(answer)["code"]) == (400, "idempotency_key_missing")
    assert wrong_fields(ask(app, body, key="ключ")) == {"Idempotency-Key": "invalid"}
    ask(app, {"name": "a"}, key="used")
    assert problem(ask(app, body, key="used"))["code"] == "idempotency_key_reused"


@pytest.mark.parametrize("key", ["a b", "x" * 256, "ключ", "", "   "])
def test_a_key_has_limits_and_a_wrong_one_is_not_called_missing(app, key):
    """Granian hands on a value that is not ASCII as an empty one."""
    assert wrong_fields(ask(app, {"name": "a"}, key=key)) == {"Idempotency-Key": "invalid"}


@pytest.mark.parametrize("name", ["raises", "answers"])
def test_a_refused_request_leaves_nothing_behind_and_may_be_sent_again(app, name):
    for _ in range(2):
        answer = ask(app, {"name": name})
        assert problem(answer)["code"] == "wrong_state"
        assert "Idempotent-Replayed" not in answer
    assert made() == 0
    assert ask(app, {"name": "good"}).status_code == 201


def test_a_key_is_its_caller_s_and_its_call_s_own(app):
    ask(app, {"name": "a"})
    other = an_app(builders.an_account(external_id="owner2"))
    assert "Idempotent-Replayed" not in ask(other, {"name": "b"})
    assert "Idempotent-Replayed" not in ask(app, {"name": "c"}, path="/other")


def test_nobody_has_no_key():
    assert problem(ask(Caller(), {"name": "a"}))["code"] == "not_authenticated"


def test_old_answers_are_forgotten():
    call = answers.Call("account:1", "POST /x", "k")
    answers.keep(call, body_hash="1." + "0" * 64, status=201, body="{}", now=NOON)
    assert answers.forget(before=NOON) == 0
    assert answers.forget(before=NOON.replace(day=25)) == 1


def test_the_same_request_while_the_first_is_worked_on_is_told_so(committed_db):
    app = an_app(builders.an_account(external_id="owner"))
    entered, leave, results = threading.Event(), threading.Event(), {}

    class Slow(Making):
        def post(self, request):
            entered.set()
            leave.wait(10)
            return super().post(request)

    def call(name, view):
        request = APIRequestFactory().post(
            "/things",
            b'{"name": "a"}',
            content_type="application/json",
            headers={**app.headers, "Idempotency-Key": "k"},
        )
        results[name] = view.as_view()(request).status_code
        connection.close()

    first = threading.Thread(target=call, args=("first", Slow))
    first.start()
    entered.wait(10)
    call("second", Making)
    leave.set()
    first.join(10)
    assert results == {"first": 201, "second": 409}
    assert StoredAnswer.objects.count() == 1
    call("third", Making)
    assert results["third"] == 201
    assert made() == 1
