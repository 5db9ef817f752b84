"""The Stripe stand-in, through Stripe's own SDK and a payer's browser: what the real one would answer."""

from __future__ import annotations

import ast
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests
import stripe

from .stand_in import (
    ASKS,
    DECLINED,
    PAYS,
    SECRET_KEY,
    WEBHOOK_SECRET,
    Endpoint,
    StandIn,
    endpoint,
    sent_all,
    stand_in,
    until,
)


@pytest.fixture(scope="module")
def hook() -> Iterator[Endpoint]:
    with endpoint() as here:
        yield here


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, hook: Endpoint) -> Iterator[StandIn]:
    with stand_in(tmp_path_factory.mktemp("stripe"), webhook_url=hook.url) as running:
        yield running


@pytest.fixture(autouse=True)
def calm(server: StandIn, hook: Endpoint) -> None:
    sent_all(server)
    server.control("faults")
    server.control("slow", seconds=0)
    hook.received.clear()
    hook.answers.clear()


def a_session(server: StandIn, *, key: str | None = None, **more: Any) -> Any:
    price = {"currency": "usd", "unit_amount": 990, "product_data": {"name": "1,000 coins"}}
    asked: Any = {
        "mode": "payment",
        "line_items": [{"price_data": price, "quantity": 1}],
        "allowed_payment_method_types": ["card"],
        "client_reference_id": "top_1",
        "metadata": {"top_up": "top_1"},
        "payment_intent_data": {"metadata": {"top_up": "top_1"}},
        "success_url": "http://127.0.0.1:9/back?session={CHECKOUT_SESSION_ID}",
        "cancel_url": "http://127.0.0.1:9/cancel",
        **more,
    }
    return server.client.v1.checkout.sessions.create(asked, {"idempotency_key": key} if key else {})


def read(server: StandIn, session: Any, *expand: str) -> Any:
    return server.client.v1.checkout.sessions.retrieve(session.id, {"expand": list(expand)})


# the payment


def test_a_card_payment_completes_its_session_and_sends_the_payer_back(server: StandIn) -> None:
    session = a_session(server)
    assert (session.status, session.payment_status, session.payment_intent) == ("open", "unpaid", None)
    answer = server.pay(session.url)
    assert answer.status_code == 303
    assert answer.headers["Location"] == f"http://127.0.0.1:9/back?session={session.id}"
    paid = read(server, session, "payment_intent.latest_charge.balance_transaction")
    assert (paid.status, paid.payment_status, paid.amount_total, paid.url) == ("complete", "paid", 990, None)
    assert paid.payment_intent.metadata["top_up"] == "top_1"
    line = paid.payment_intent.latest_charge.balance_transaction
    assert (line.amount, line.fee, line.net) == (990, 59, 931)


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        (DECLINED, "Your card was declined."),
        ("4000000000009995", "Your card has insufficient funds."),
        ("4000000000000069", "Your card has expired."),
        ("4111111111111111", "used a non test (live) card"),
    ],
)
def test_a_refused_card_leaves_the_session_open_for_another(server: StandIn, number: str, sentence: str) -> None:
    session = a_session(server)
    answer = server.pay(session.url, number)
    assert answer.status_code == 402
    assert sentence in answer.text
    assert f'value="{number}' not in answer.text
    refused = read(server, session, "payment_intent")
    assert (refused.status, refused.payment_status) == ("open", "unpaid")
    assert refused.payment_intent.status == "requires_payment_method"
    assert refused.payment_intent.last_payment_error["type"] == "card_error"
    assert server.pay(session.url, PAYS).status_code == 303
    assert read(server, session).payment_status == "paid"


@pytest.mark.parametrize(
    ("field", "value"), [("number", "4242 4242 4242 4241"), ("expiry", "01 / 20"), ("expiry", "13/40"), ("cvc", "1")]
)
def test_a_slip_of_the_pen_is_told_beside_its_field(server: StandIn, field: str, value: str) -> None:
    session = a_session(server)
    form = {"number": PAYS, "expiry": "12/40", "cvc": "123"} | {field: value}
    answer = requests.post(session.url or "", data=form, timeout=10)
    assert answer.status_code == 422
    assert f'id="problem-{field}"' in answer.text
    assert read(server, session).payment_intent is None


@pytest.mark.parametrize(("choice", "status"), [("complete", "paid"), ("fail", "unpaid")])
def test_a_card_may_ask_its_holder(server: StandIn, choice: str, status: str) -> None:
    session = a_session(server)
    assert server.pay(session.url, ASKS).headers["Location"] == f"/c/pay/{session.id}/challenge"
    assert read(server, session, "payment_intent").payment_intent.status == "requires_action"
    url = f"{session.url}/challenge"
    assert "3D Secure" in requests.get(url, timeout=10).text
    requests.post(url, data={"answer": choice}, timeout=10, allow_redirects=False)
    assert read(server, session).payment_status == status


def test_a_page_that_was_paid_can_not_be_paid_twice(server: StandIn, hook: Endpoint) -> None:
    session = a_session(server)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: server.pay(session.url), range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 303]
    charges = server.client.v1.charges.list({"payment_intent": read(server, session).payment_intent})
    assert len(charges.data) == 1


def test_an_expired_session_takes_no_money(server: StandIn, hook: Endpoint) -> None:
    session = a_session(server)
    server.client.v1.checkout.sessions.expire(session.id)
    answer = server.pay(session.url)
    assert answer.status_code == 410
    assert "nothing was taken" in answer.text
    assert read(server, session).payment_status == "unpaid"
    until(lambda: "checkout.session.expired" in hook.types)
    with pytest.raises(stripe.InvalidRequestError, match="Only Checkout Sessions with a status"):
        server.client.v1.checkout.sessions.expire(session.id)


def test_a_session_lapses_by_itself(server: StandIn, hook: Endpoint) -> None:
    session = a_session(server)
    server.control(f"sessions/{session.id}/lapse")
    assert read(server, session).status == "expired"
    until(lambda: "checkout.session.expired" in hook.types)


def test_no_card_number_is_kept_anywhere(server: StandIn) -> None:
    session = a_session(server)
    server.pay(session.url, DECLINED)
    server.pay(session.url, PAYS)
    for path in server.data.iterdir():
        content = path.read_bytes()
        for number in (PAYS, DECLINED):
            assert number.encode() not in content
            assert number.replace(" ", "").encode() not in content


# the protocol


def test_what_the_sdk_does_not_know_is_refused(server: StandIn) -> None:
    cases: list[tuple[dict[str, Any], str | None, str]] = [
        ({"colour": "red"}, "parameter_unknown", "colour"),
        ({"line_items": [{"price_data": {"shade": 1}}]}, "parameter_unknown", "line_items[0][price_data][shade]"),
        ({"payment_method_types": ["card"]}, "payment_method_types_no_longer_supported", "payment_method_types"),
        ({"line_items": [{"quantity": 1.5}]}, None, "line_items[0][quantity]"),
        ({"allowed_payment_method_types": ["carrier_pigeon"]}, None, "allowed_payment_method_types[0]"),
        ({"line_items": []}, "parameter_missing", "line_items"),
    ]
    for asked, code, param in cases:
        with pytest.raises(stripe.InvalidRequestError) as refused:
            a_session(server, **asked)
        assert (refused.value.http_status, refused.value.code) == (400, code)
        assert (refused.value.param or "").startswith(param)


def test_a_wrong_key_opens_nothing(server: StandIn) -> None:
    for header in [{}, {"Authorization": "Bearer sk_test_wrong_key_of_someone"}, {"Authorization": "Basic abc"}]:
        for path in ("v1/events", "_ctl/requests"):
            answer = requests.get(f"{server.url}/{path}", headers=header, timeout=10)
            assert answer.status_code == 401
            assert "wrong_key" not in answer.text


def test_another_api_version_is_refused(server: StandIn) -> None:
    headers = {"Authorization": f"Bearer {SECRET_KEY}", "Stripe-Version": "2020-01-01"}
    assert requests.get(f"{server.url}/v1/events", headers=headers, timeout=10).status_code == 400


def test_the_same_key_and_body_gives_the_stored_answer(server: StandIn) -> None:
    first, second = a_session(server, key="once"), a_session(server, key="once")
    assert first.id == second.id
    assert "Idempotent-Replayed" not in first.last_response.headers
    assert second.last_response.headers["Idempotent-Replayed"] == "true"
    with pytest.raises(stripe.IdempotencyError, match="same parameters"):
        a_session(server, key="once", client_reference_id="another")


def test_a_key_whose_call_was_refused_for_its_parameters_is_free_again(server: StandIn) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        a_session(server, key="again", colour="red")
    assert a_session(server, key="again").status == "open"


def test_a_key_in_use_answers_409(server: StandIn) -> None:
    server.control("slow", seconds=0.6)
    with ThreadPoolExecutor(2) as pool:
        slow = pool.submit(a_session, server, key="in flight")
        time.sleep(0.3)
        with pytest.raises(stripe.APIError, match="another in-progress request") as refused:
            a_session(server, key="in flight")
        assert refused.value.http_status == 409
        assert slow.result().status == "open"


def test_refunds_add_up_to_the_payment_and_no_further(server: StandIn, hook: Endpoint) -> None:
    session = a_session(server)
    server.pay(session.url)
    intent = read(server, session).payment_intent
    refund = server.client.v1.refunds.create({"payment_intent": intent, "amount": 400, "metadata": {"lot": "1"}})
    assert (refund.status, refund.amount) == ("succeeded", 400)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        server.client.v1.refunds.create({"payment_intent": intent, "amount": 591})
    assert refused.value.code == "amount_too_large"
    server.client.v1.refunds.create({"payment_intent": intent})
    with pytest.raises(stripe.InvalidRequestError) as refused:
        server.client.v1.refunds.create({"payment_intent": intent, "amount": 1})
    assert refused.value.code == "charge_already_refunded"
    (charge,) = server.client.v1.charges.list({"payment_intent": intent}).data
    assert (charge.amount_refunded, charge.refunded) == (990, True)
    lines = server.client.v1.balance_transactions.list({"currency": "usd", "limit": 3}).data
    assert [line.amount for line in lines] == [-590, -400, 990]
    until(lambda: hook.types.count("refund.created") == 2)


def test_lists_page_through_everything_once(server: StandIn) -> None:
    made = [a_session(server).id for _ in range(5)]
    seen = [item.id for item in server.client.v1.checkout.sessions.list({"limit": 2}).auto_paging_iter()]
    assert seen[:5] == made[::-1]
    assert len(seen) == len(set(seen))


def test_a_customer_is_named_on_the_session(server: StandIn) -> None:
    customer = server.client.v1.customers.create({"email": "ayu@example.com", "name": "Ayu"})
    session = a_session(server, customer=customer.id)
    assert session.customer_details is not None
    assert session.customer_details.email == "ayu@example.com"
    with pytest.raises(stripe.InvalidRequestError, match="No such customer"):
        a_session(server, customer="cus_nobody")


def _fields_of_the_sdk(file: str, name: str) -> tuple[set[str], set[str]]:
    """All fields of a resource, and those that are never null, from the SDK's annotations."""
    tree = ast.parse((Path(stripe.__file__).parent / file).read_text())
    (resource,) = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name]
    fields = {
        ast.unparse(node.target): ast.unparse(node.annotation)
        for node in resource.body
        if isinstance(node, ast.AnnAssign) and "ClassVar" not in ast.unparse(node.annotation)
    }
    return set(fields), {field for field, kind in fields.items() if not kind.startswith("Optional")}


def test_answers_have_the_fields_that_the_sdk_promises_and_no_others(server: StandIn) -> None:
    session = a_session(server)
    server.pay(session.url)
    v1, intent = server.client.v1, read(server, session).payment_intent
    v1.refunds.create({"payment_intent": intent, "amount": 1})
    resources: list[tuple[str, str, Any]] = [
        ("checkout/_session.py", "Session", read(server, session)),
        ("_payment_intent.py", "PaymentIntent", v1.payment_intents.retrieve(intent)),
        ("_charge.py", "Charge", v1.charges.list().data[0]),
        ("_refund.py", "Refund", v1.refunds.list().data[0]),
        ("_balance_transaction.py", "BalanceTransaction", v1.balance_transactions.list().data[0]),
        ("_customer.py", "Customer", v1.customers.create({})),
        ("_event.py", "Event", v1.events.list().data[0]),
    ]
    for file, name, answer in resources:
        known, promised = _fields_of_the_sdk(file, name)
        given = set(answer.to_dict())
        assert given <= known, f"{name}: {given - known}"
        assert promised <= given, f"{name}: {promised - given}"


# the notices


def test_notices_are_signed_as_the_sdk_expects(server: StandIn, hook: Endpoint) -> None:
    session = a_session(server)
    server.pay(session.url)
    until(lambda: len(hook.received) == 4)
    assert set(hook.types) == {
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
        "checkout.session.completed",
    }
    for headers, body in hook.received:
        event = stripe.Webhook.construct_event(body, headers["Stripe-Signature"], WEBHOOK_SECRET)
        assert event.api_version == "2026-10-28.endive"
        with pytest.raises(stripe.SignatureVerificationError):
            stripe.Webhook.construct_event(body + b" ", headers["Stripe-Signature"], WEBHOOK_SECRET)


def test_two_secrets_both_sign_while_one_is_replaced(server: StandIn, hook: Endpoint) -> None:
    server.control("webhook", secrets=[WEBHOOK_SECRET, "whsec_next"])
    server.pay(a_session(server).url)
    until(lambda: len(hook.received) == 4)
    server.control("webhook", secrets=[WEBHOOK_SECRET])
    headers, body = hook.received[0]
    for secret in (WEBHOOK_SECRET, "whsec_next"):
        stripe.Webhook.construct_event(body, headers["Stripe-Signature"], secret)


def test_a_notice_that_is_not_taken_comes_again_signed_anew(server: StandIn, hook: Endpoint) -> None:
    hook.answers += [500, 302]
    server.client.v1.customers.create({})
    until(lambda: len(hook.received) == 3)
    assert len({event["id"] for event in hook.events}) == 1
    until(lambda: server.look("deliveries")[-1]["state"] == "delivered")
    assert server.look("deliveries")[-1]["attempt"] == 3


def test_notices_can_be_doubled_lost_and_sent_again(server: StandIn, hook: Endpoint) -> None:
    server.control("faults", duplicate=1.0, types=["customer.created"])
    server.client.v1.customers.create({})
    until(lambda: hook.types == ["customer.created"] * 2)
    server.control("faults", drop=1.0)
    server.client.v1.customers.create({})
    assert server.look("deliveries")[-1]["state"] == "dropped"
    event = server.client.v1.events.list({"type": "customer.created", "limit": 1}).data[0]
    server.control(f"events/{event.id}/resend")
    until(lambda: len(hook.received) == 3)
    assert hook.events[-1]["id"] == event.id


def test_notices_can_come_late_and_out_of_order(server: StandIn, hook: Endpoint) -> None:
    server.control("faults", reorder_s=0.5, delay_s=0.1, seed=7)
    server.pay(a_session(server).url)
    assert hook.types == []
    until(lambda: len(hook.received) == 4)
    assert hook.types != ["payment_intent.created", "charge.succeeded", "payment_intent.succeeded",
                          "checkout.session.completed"]  # fmt: skip


def test_its_memory_outlives_its_process(tmp_path: Path, hook: Endpoint) -> None:
    with stand_in(tmp_path) as first:
        session = a_session(first, key="before")
        first.pay(session.url)
    with stand_in(tmp_path) as second:
        assert read(second, session).payment_status == "paid"
        assert a_session(second, key="before").id == session.id
