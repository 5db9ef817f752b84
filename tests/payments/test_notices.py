"""Notices of the payment provider: forged, doubled, reordered, lost, late. The right ones credit once, others never."""

import json
import time
from datetime import timedelta
from typing import Any

import pytest
import stripe
from django.test import Client
from django.utils import timezone

from payments import gateways, notices, polling, top_ups, wallet
from payments.gateways.stripe import StripeGateway
from payments.models import Lot, Notice, NoticeState, TopUp, TopUpStatus
from tests.payments.buying import HOOK, Till, a_top_up, deliver, state_of, work_off
from tests.payments.ledgers import together
from tests.sandbox.stand_in import SECRET_KEY, WEBHOOK_SECRET, until

pytestmark = pytest.mark.django_db
DONE = "checkout.session.completed"


def status_of(top_up: TopUp) -> str:
    top_up.refresh_from_db()
    return top_up.status


def signed(body: str, *, secret: str = WEBHOOK_SECRET, age_s: int = 0) -> Any:
    """A notice of our own making, posted to our door."""
    header = stripe.WebhookSignature.generate_signature_header(body, secret, timestamp=int(time.time()) - age_s)
    return Client().post(HOOK, body, content_type="application/json", headers={"Stripe-Signature": header})


def an_event(top_up: TopUp, **facts: Any) -> str:
    session = {"id": top_up.provider_ref, "object": "checkout.session", "client_reference_id": top_up.public_id}
    return json.dumps({"id": "evt_1", "object": "event", "type": DONE, "data": {"object": session}, **facts})


def test_a_notice_is_stored_as_it_came_and_credits_the_payment(at_till: Till) -> None:
    top_up = a_top_up()
    at_till.pays(top_up)
    notice = at_till.of_kind(DONE)
    assert deliver(notice).status_code == 200
    stored = Notice.objects.get()
    assert bytes(stored.raw) == notice[1]
    assert (stored.kind, stored.reference, stored.state) == (DONE, top_up.public_id, NoticeState.WAITING)
    assert "Cookie" not in stored.headers
    work_off()
    assert state_of(notice) == NoticeState.DONE
    assert status_of(top_up) == TopUpStatus.PAID
    assert top_up.transitions.last().why == "notice"  # type: ignore[union-attr]


def test_every_notice_of_a_payment_doubled_and_backwards_credits_once(at_till: Till) -> None:
    top_up = a_top_up()
    at_till.stripe.control("faults", duplicate=1.0)
    at_till.pays(top_up)
    until(lambda: len(at_till.outbox.received) == 8)
    for notice in reversed(at_till.notices(DONE)):
        assert deliver(notice).status_code == 200
        work_off()
    assert status_of(top_up) == TopUpStatus.PAID
    assert wallet.balance(account=top_up.account).free_coins == 1000
    assert Notice.objects.count() == 4
    assert Notice.objects.get(kind=DONE).times_received == 2
    assert set(Notice.objects.values_list("kind", "state")) == {
        (DONE, "done"),
        ("payment_intent.succeeded", "done"),
        ("payment_intent.created", "ignored"),
        ("charge.succeeded", "ignored"),
    }


def test_a_lost_notice_is_made_up_for_by_asking(at_till: Till) -> None:
    top_up = a_top_up()
    at_till.stripe.control("faults", drop=1.0)
    at_till.pays(top_up)
    assert at_till.stripe.look("deliveries")[-1]["state"] == "dropped"
    polling.poll(limit=10, now=timezone.now() + timedelta(seconds=61))
    assert status_of(top_up) == TopUpStatus.PAID
    assert not Notice.objects.exists()


def test_a_notice_after_the_end_still_credits(at_till: Till) -> None:
    top_up = a_top_up()
    at_till.stripe.control(f"sessions/{top_up.provider_ref}/lapse")
    deliver(at_till.of_kind("checkout.session.expired"))
    work_off()
    assert status_of(top_up) == TopUpStatus.EXPIRED
    at_till.stripe.control(f"sessions/{top_up.provider_ref}/pay", late=True)
    deliver(at_till.of_kind(DONE))
    work_off()
    assert status_of(top_up) == TopUpStatus.PAID
    assert wallet.balance(account=top_up.account).free_coins == 1000


@pytest.mark.parametrize("claim", ["paid", "complete"])
def test_a_signed_lie_credits_nothing(at_till: Till, claim: str) -> None:
    """Even one who has our webhook secret only makes us ask the provider."""
    top_up = a_top_up()
    session = {"id": top_up.provider_ref, "object": "checkout.session", "client_reference_id": top_up.public_id}
    lie = session | {"payment_status": claim, "status": "complete", "amount_total": 990}
    assert signed(an_event(top_up, data={"object": lie})).status_code == 200
    work_off()
    assert status_of(top_up) == TopUpStatus.PENDING
    assert not Lot.objects.exists()


@pytest.mark.parametrize(
    ("secret", "age_s"), [("whsec_of_a_thief", 0), ("", 0), (WEBHOOK_SECRET, 301), (WEBHOOK_SECRET, -400)]
)
def test_a_notice_not_signed_now_by_the_provider_is_kept_as_refused_and_never_worked_on(
    at_till: Till, secret: str, age_s: int
) -> None:
    top_up = a_top_up()
    at_till.pays(top_up)
    body = an_event(top_up)
    assert signed(body, secret=secret, age_s=age_s).status_code == 400
    kept = Notice.objects.get()
    assert (kept.state, bytes(kept.raw), kept.headers["From"]) == ("refused", body.encode(), "127.0.0.1")
    assert kept.kind == ("time" if age_s else "signature")
    assert notices.process_due(limit=10, now=timezone.now() + timedelta(days=1)) == 0
    assert notices.replay(notice_ids=[kept.id], now=timezone.now()) == 0
    assert status_of(top_up) == TopUpStatus.PENDING


@pytest.mark.parametrize("age_s", [200, -299])
def test_clocks_may_differ_a_little(at_till: Till, age_s: int) -> None:
    assert signed(an_event(a_top_up()), age_s=age_s).status_code == 200


@pytest.mark.parametrize("header", [None, "", "t=,v1=", "v1=abc", "t=1,t=2", "nonsense", "t=9" * 50])
def test_a_broken_signature_is_refused(at_till: Till, header: str | None) -> None:
    headers = {} if header is None else {"Stripe-Signature": header}
    assert Client().post(HOOK, "{}", content_type="application/json", headers=headers).status_code == 400


@pytest.mark.parametrize("body", ["", "[]", "{}", "no json", '{"id": 1, "type": 2, "data": {"object": 3}}', "\x00"])
def test_a_signed_body_that_is_no_event_is_refused(at_till: Till, body: str) -> None:
    assert signed(body).status_code == 400
    assert Notice.objects.get().state == NoticeState.REFUSED


def test_a_tampered_body_is_refused(at_till: Till) -> None:
    at_till.pays(a_top_up())
    headers, body = at_till.of_kind(DONE)
    assert deliver((headers, body.replace(b"990", b"991"))).status_code == 400
    assert deliver((headers, body + b" ")).status_code == 400


def test_either_secret_is_taken_while_one_replaces_the_other(at_till: Till) -> None:
    both = StripeGateway(
        secret_key=SECRET_KEY, webhook_secrets=["whsec_next", WEBHOOK_SECRET], api_base=at_till.stripe.url
    )
    gateways.offer("stripe", lambda: both)
    top_up = a_top_up()
    assert signed(an_event(top_up), secret="whsec_next").status_code == 200
    assert signed(an_event(top_up, id="evt_2"), secret=WEBHOOK_SECRET).status_code == 200
    assert signed(an_event(top_up, id="evt_3"), secret="whsec_old").status_code == 400


def test_the_door_takes_posts_of_a_bounded_size_for_gateways_we_have(at_till: Till) -> None:
    assert Client().get(HOOK).status_code == 405
    assert Client().post("/webhooks/nobody", "{}", content_type="application/json").status_code == 404
    large = "x" * (notices.MAX_BYTES + 1)
    assert Client().post(HOOK, large, content_type="application/json").status_code == 413


def test_a_notice_about_nothing_of_ours_is_kept_and_let_be(at_till: Till) -> None:
    for number, reference in enumerate(["top_" + "0" * 32, "invoice 7", "", None]):
        session = {"id": f"cs_{number}", "object": "checkout.session", "client_reference_id": reference}
        event = {"id": f"evt_{number}", "type": DONE, "data": {"object": session}}
        assert signed(json.dumps(event)).status_code == 200
    work_off()
    assert set(Notice.objects.values_list("state", "error")) == {("ignored", "nothing of ours")}


def test_a_payment_of_a_wrong_amount_is_dead_until_ops_looks(at_till: Till) -> None:
    top_up = a_top_up()
    at_till.stripe.control(f"sessions/{top_up.provider_ref}/pay", amount_total=1)
    notice = at_till.of_kind(DONE)
    deliver(notice)
    work_off()
    assert state_of(notice) == NoticeState.DEAD
    assert "amount: 1 instead of 990" in Notice.objects.get().error
    assert status_of(top_up) == TopUpStatus.PENDING


def test_a_notice_waits_for_a_provider_that_is_away_and_is_given_up_at_last(at_till: Till) -> None:
    top_up, at = a_top_up(), timezone.now()
    working = gateways.named("stripe")
    at_till.pays(top_up)
    notice = at_till.of_kind(DONE)
    deliver(notice)
    away = StripeGateway(secret_key=SECRET_KEY, webhook_secrets=[WEBHOOK_SECRET], api_base="http://127.0.0.1:1")
    gateways.offer("stripe", lambda: away)
    work_off(now=at + timedelta(seconds=10))
    waiting = Notice.objects.get()
    assert (waiting.state, waiting.attempts) == (NoticeState.WAITING, 1)
    assert (waiting.try_at - at).total_seconds() == pytest.approx(12)
    Notice.objects.update(attempts=notices.MOST_ATTEMPTS - 1)
    work_off(now=at + timedelta(hours=1))
    assert state_of(notice) == NoticeState.DEAD
    gateways.offer("stripe", lambda: working)
    assert notices.replay(notice_ids=[Notice.objects.get().id], now=timezone.now()) == 1
    work_off()
    assert (state_of(notice), status_of(top_up)) == (NoticeState.DONE, TopUpStatus.PAID)


def test_a_notice_that_nobody_foresaw_holds_up_no_other_and_is_dead_in_the_end(
    at_till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, other = a_top_up(), a_top_up()
    for top_up in (broken, other):
        at_till.pays(top_up)
        deliver(at_till.of_kind(DONE))
    as_ever = top_ups.confirm_read

    def confirm_read(top_up: TopUp, **facts: Any) -> TopUp:
        if top_up == broken:
            raise KeyError("nobody foresaw it")
        return as_ever(top_up, **facts)

    monkeypatch.setattr(top_ups, "confirm_read", confirm_read)
    for hour in range(notices.MOST_ATTEMPTS):
        work_off(now=timezone.now() + timedelta(hours=2 * hour))
    dead = Notice.objects.get(state=NoticeState.DEAD)
    assert (dead.reference, dead.attempts) == (broken.public_id, notices.MOST_ATTEMPTS)
    assert dead.error == "KeyError"
    assert status_of(other) == TopUpStatus.PAID
    monkeypatch.setattr(top_ups, "confirm_read", as_ever)
    notices.replay(notice_ids=[dead.id], now=timezone.now())
    work_off()
    assert status_of(broken) == TopUpStatus.PAID


def test_replaying_every_notice_changes_nothing(at_till: Till) -> None:
    top_up = a_top_up()
    at_till.pays(top_up)
    sent = at_till.notices(DONE)
    for notice in sent:
        deliver(notice)
    work_off()
    known = list(Notice.objects.values_list("id", flat=True))
    assert notices.replay(notice_ids=known, now=timezone.now()) == len(sent)
    work_off()
    assert not Notice.objects.filter(state=NoticeState.WAITING).exists()
    assert wallet.balance(account=top_up.account).free_coins == 1000


def test_the_same_notice_worked_on_by_many_credits_once(committed_db: str, at_till: Till) -> None:
    top_up = a_top_up()
    at_till.pays(top_up)
    notice = at_till.of_kind(DONE)
    answers = together([lambda: deliver(notice).status_code] * 4)
    assert answers == [200] * 4
    stored = Notice.objects.get()
    assert stored.times_received == 4
    together([lambda: notices.process_due(limit=10, now=timezone.now())] * 4)
    assert status_of(top_up) == TopUpStatus.PAID
    assert Lot.objects.filter(account=top_up.account).count() == 1
    stored.refresh_from_db()
    assert stored.attempts == 1
