"""What is refused at the door is kept for a week as it came, by a forger as by a provider, and fills no disk."""

import json
import logging
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.db import DatabaseError, transaction
from django.test import Client
from django.utils import timezone

from payments import gateways, refused_notices
from payments.models import Notice, NoticeState, Refused
from tests.front.visitors import text_of
from tests.payments.buying import HOOK, Till, a_top_up, deliver
from tests.payments.test_payments_admin import signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("static_files")]


def forged(n: int = 0, *, source: str = "203.0.113.7", pad: int = 0) -> Any:
    """A notice that somebody at `source` made up."""
    body = json.dumps({"id": f"evt_{n}", "pad": "x" * pad})
    headers = {"Stripe-Signature": "t=1,v1=00", "Cookie": "session=hers", "Authorization": "Bearer of-somebody"}
    return Client(REMOTE_ADDR=source).post(HOOK, body, content_type="application/json", headers=headers)


def kept() -> int:
    return Notice.objects.filter(state=NoticeState.REFUSED).count()


def times() -> int:
    return sum(Refused.objects.values_list("times", flat=True))


def test_it_stands_in_the_admin_with_its_reason_body_and_signature_and_no_secret_of_its_sender(at_till: Till) -> None:
    assert forged().status_code == 400
    notice = Notice.objects.get()
    assert notice.headers["Stripe-Signature"] == "t=1,v1=00"
    assert not {"Cookie", "Authorization"} & set(notice.headers)
    finance = signed_in("finance")
    listed = text_of(finance.get("/admin/payments/notice/", {"state__exact": "refused", "kind": "time"}))
    assert "1 notice" in listed
    assert "evt_0" in text_of(finance.get(f"/admin/payments/notice/{notice.pk}/change/"))


def test_the_same_body_again_is_the_same_row(at_till: Till) -> None:
    for _ in range(3):
        forged()
    assert (Notice.objects.get().times_received, times()) == (3, 3)


def test_beyond_a_few_an_hour_a_source_is_only_counted_and_another_is_still_kept(
    at_till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refused_notices, "MOST_OF_A_SOURCE", 3)
    cache.clear()
    for n in range(6):
        assert forged(n).status_code == 400
    assert (kept(), times()) == (3, 6)
    forged(7, source="198.51.100.1")
    assert kept() == 4


def test_many_sources_together_keep_no_more_than_there_is_room_for(
    at_till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refused_notices, "MOST_IN_ALL", 4)
    for n in range(7):
        forged(n, source=f"203.0.113.{n}")
    assert (kept(), times()) == (4, 7)


def test_of_a_long_body_the_beginning_is_kept(at_till: Till) -> None:
    assert forged(pad=200_000).status_code == 400
    assert len(Notice.objects.get().raw) == refused_notices.KEPT_BYTES
    assert forged(pad=300_000).status_code == 413
    assert kept() == 1


def test_its_week_over_it_is_forgotten_and_what_was_signed_never_is(at_till: Till) -> None:
    at_till.pays(a_top_up())
    deliver(at_till.of_kind("checkout.session.completed"))
    forged()
    now = timezone.now()
    assert refused_notices.forget_due(limit=10, now=now + timedelta(days=6, hours=23)) == 0
    assert refused_notices.forget_due(limit=10, now=now + timedelta(days=7, seconds=9)) == 1
    with pytest.raises(DatabaseError, match="only that is forgotten"), transaction.atomic():
        Notice.objects.all().delete()


def test_no_code_path_puts_a_refused_one_in_line_or_a_signed_one_away(at_till: Till) -> None:
    forged()
    at_till.pays(a_top_up())
    deliver(at_till.of_kind("checkout.session.completed"))
    for came, to in ((NoticeState.REFUSED, NoticeState.WAITING), (NoticeState.WAITING, NoticeState.REFUSED)):
        with pytest.raises(DatabaseError, match="stays so"), transaction.atomic():
            Notice.objects.filter(state=came).update(state=to)


def test_what_cant_be_checked_for_a_fault_of_ours_is_kept_too(
    at_till: Till, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def breaks(*_: object, **__: object) -> None:
        raise ZeroDivisionError("sk_live_secret")

    caplog.set_level(logging.INFO)
    monkeypatch.setattr(gateways.named("stripe"), "parse_notice", breaks)
    with pytest.raises(ZeroDivisionError):
        forged()
    notice = Notice.objects.get()
    assert (notice.state, notice.kind, notice.error) == (NoticeState.REFUSED, "not_checked", "ZeroDivisionError")
