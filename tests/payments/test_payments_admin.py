"""What finance does in the admin with payments: looks, asks again, replays, opens documents."""

import pytest
from django.test import Client
from django.urls import reverse

from payments import documents, invoices, notices
from payments.models import Invoice, Notice, NoticeState, Seller, TopUp, TopUpStatus
from promote.keys import staff
from tests.builders import NOON, an_account
from tests.payments.buying import Till, a_top_up, deliver, work_off
from tests.payments.test_invoices import an_invoice

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("static_files")]


@pytest.fixture
def finance() -> Client:
    return signed_in("finance")


def signed_in(role: str) -> Client:
    client = Client()
    client.force_login(staff.create(username=role, roles=[role])[0])
    return client


def acted(client: Client, name: str, action: str, row: TopUp | Notice) -> str:
    page = client.post(
        reverse(f"admin:payments_{name}_changelist"), {"action": action, "_selected_action": [row.pk]}, follow=True
    )
    return str(page.content.decode())


def test_every_list_and_page_opens_for_finance(finance: Client, at_till: Till) -> None:
    top_up = a_top_up()
    at_till.pays(top_up)
    deliver(at_till.of_kind("checkout.session.completed"))
    work_off()
    invoices.issue_receipt(top_up=TopUp.objects.get(), now=NOON)
    for name, row in [
        ("topup", top_up),
        ("notice", Notice.objects.get()),
        ("invoice", Invoice.objects.get()),
        ("invoiceseries", Invoice.objects.get().series),
        ("seller", Seller.objects.get()),
    ]:
        assert finance.get(reverse(f"admin:payments_{name}_changelist")).status_code == 200
        assert finance.get(reverse(f"admin:payments_{name}_change", args=[row.pk])).status_code == 200


def test_a_dead_notice_is_seen_and_replayed(finance: Client, at_till: Till) -> None:
    top_up = a_top_up()
    at_till.pays(top_up)
    deliver(at_till.of_kind("checkout.session.completed"))
    Notice.objects.update(state=NoticeState.DEAD, error="GatewayRefused: a key was wrong", attempts=1)
    notice = Notice.objects.get()
    page = finance.get(reverse("admin:payments_notice_changelist"), {"state": "dead"}).content.decode()
    assert "a key was wrong" in page
    asks = reverse("admin:payments_notice_replay", args=[notice.pk])
    assert asks in finance.get(reverse("admin:payments_notice_change", args=[notice.pk])).content.decode()
    assert "a key was wrong" in finance.get(asks).content.decode()
    assert "worked on again" in finance.post(asks, follow=True).content.decode()
    assert Notice.objects.get().state == NoticeState.WAITING
    Notice.objects.update(state=NoticeState.DEAD)
    assert "worked on again" in acted(finance, "notice", "replay", notice)
    work_off()
    assert TopUp.objects.get().status == TopUpStatus.PAID
    assert Notice.objects.get().state == NoticeState.DONE


def test_who_only_looks_replays_no_notice() -> None:
    assert signed_in("support").post(reverse("admin:payments_notice_replay", args=[1])).status_code == 403


def test_the_provider_is_asked_about_a_stuck_top_up(finance: Client, at_till: Till) -> None:
    top_up = a_top_up()
    at_till.stripe.control(f"sessions/{top_up.provider_ref}/pay", amount_total=1)
    deliver(at_till.of_kind("checkout.session.completed"))
    work_off()
    listed = finance.get(reverse("admin:payments_topup_changelist"), {"problem": "yes"}).content.decode()
    assert "amount: 1 instead of 990" in listed
    assert "amount: 1 instead of 990" in acted(finance, "topup", "ask", top_up)
    other = a_top_up()
    at_till.pays(other)
    acted(finance, "topup", "ask", other)
    other.refresh_from_db()
    assert (other.status, other.transitions.last().why) == (TopUpStatus.PAID, "asked by ops")  # type: ignore[union-attr]


def test_what_was_paid_otherwise_than_asked_is_ended_by_finance_with_a_reason(finance: Client, at_till: Till) -> None:
    top_up = a_top_up()
    address = reverse("admin:payments_topup_end", args=[top_up.pk])
    assert "state has changed" in finance.post(address, {"reason": "refunded"}).content.decode()
    at_till.stripe.control(f"sessions/{top_up.provider_ref}/pay", amount_total=1)
    deliver(at_till.of_kind("checkout.session.completed"))
    work_off()
    assert address in finance.get(reverse("admin:payments_topup_change", args=[top_up.pk])).content.decode()
    assert "amount: 1 instead of 990" in finance.get(address).content.decode()
    assert signed_in("support").post(address, {"reason": "x"}).status_code == 403
    assert finance.post(address, {"reason": " "}).status_code == 422
    finance.post(address, {"reason": "refunded at Stripe"})
    top_up.refresh_from_db()
    last = top_up.transitions.last()
    assert (top_up.status, last.why, last.by.username) == (TopUpStatus.FAILED, "refunded at Stripe", "finance")  # type: ignore[union-attr]
    assert top_up.account.notifications.get().kind == "top_up_failed"
    listed = finance.get(reverse("admin:payments_topup_changelist"), {"problem": "yes"}).content.decode()
    assert top_up.public_id not in listed


def test_support_looks_and_changes_nothing(at_till: Till) -> None:
    support, top_up = signed_in("support"), a_top_up()
    assert support.get(reverse("admin:payments_topup_changelist")).status_code == 200
    assert support.get(reverse("admin:payments_notice_changelist")).status_code == 403
    at_till.pays(top_up)
    acted(support, "topup", "ask", top_up)
    assert TopUp.objects.get().status == TopUpStatus.PENDING
    assert not notices.replay(notice_ids=[], now=NOON)


def test_a_document_opens_in_the_admin_for_those_who_may(finance: Client) -> None:
    invoice = an_invoice(an_account())
    url = reverse("admin:payments_invoice_pdf", args=[invoice.pk])
    opened = finance.get(url)
    assert (opened.status_code, opened["Content-Type"]) == (200, "application/pdf")
    assert opened.content == bytes(documents.of(invoice_id=invoice.id, now=NOON).pdf)
    assert signed_in("reviewer").get(url).status_code == 403
    assert Client().get(url).status_code == 302
