"""Finance can look at the ledger, and at nothing but look."""

import pytest
from django.test import Client
from django.urls import reverse

from payments import clawbacks, gifts, ledger
from payments.models import Journal, LedgerAccount, Lot
from tests.builders import NOON, a_user, an_account
from tests.payments.ledgers import SPEND, an_escrow, bought, charged

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("static_files")]


@pytest.fixture
def finance() -> Client:
    client = Client()
    client.force_login(a_user(is_staff=True, is_superuser=True))
    return client


@pytest.fixture
def order():
    account = an_account(external_id="shop-1")
    bought(account, 100)
    gifts.give(account=account, coins=5, reference="g", now=NOON)
    return charged(an_escrow(account, 50, ref="ord_1"), 1_230_000)


@pytest.mark.parametrize("name", ["journal", "ledgeraccount", "lot", "gift"])
def test_every_list_and_page_opens_and_none_changes(finance, order, name):
    listed = finance.get(reverse(f"admin:payments_{name}_changelist"))
    assert listed.status_code == 200
    model = listed.context["cl"].model
    row = model.objects.order_by("-pk").first()
    page = finance.get(reverse(f"admin:payments_{name}_change", args=[row.pk]))
    assert page.status_code == 200
    assert b'name="_save"' not in page.content
    assert finance.get(reverse(f"admin:payments_{name}_add")).status_code == 403
    assert finance.post(reverse(f"admin:payments_{name}_delete", args=[row.pk]), {"post": "yes"}).status_code == 403
    assert model.objects.filter(pk=row.pk).exists()


def test_an_account_shows_its_balance_and_its_last_transfers(finance, order):
    escrow = finance.get(reverse("admin:payments_ledgeraccount_change", args=[order.escrow_id])).content.decode()
    assert "48.77" in escrow
    assert "−1.23" in escrow
    spend = finance.get(reverse("admin:payments_ledgeraccount_change", args=[SPEND])).content.decode()
    assert "1.23" in spend, "a hot account's is derived"


def test_what_belongs_to_an_account_or_an_order_is_found(finance, order):
    found = finance.get(reverse("admin:payments_ledgeraccount_changelist"), {"q": "shop-1"})
    assert set(found.context["cl"].queryset) == set(LedgerAccount.objects.filter(owner__isnull=False))
    found = finance.get(reverse("admin:payments_ledgeraccount_changelist"), {"q": "order:ord_1"})
    assert [account.id for account in found.context["cl"].queryset] == [order.escrow_id]
    found = finance.get(reverse("admin:payments_journal_changelist"), {"q": "ord_1"})
    assert set(found.context["cl"].queryset) == set(Journal.objects.filter(ref="ord_1"))
    found = finance.get(reverse("admin:payments_lot_changelist"), {"q": "shop-1"})
    assert set(found.context["cl"].queryset) == set(Lot.objects.all())
    assert ledger.account_id(code="order:ord_1") == order.escrow_id


def test_finance_sees_who_owes(finance):
    debtor, other = an_account(external_id="debtor"), an_account()
    spent, _kept = bought(debtor, 50, origin="apple"), bought(other, 50)
    gifts.give(account=debtor, coins=50, reference="g", now=NOON)
    clawbacks.claw_back(lot=spent, coins=50, key="refund", now=NOON)
    page = finance.get(reverse("admin:payments_ledgeraccount_changelist"), {"standing": "owed"})
    assert [row.owner for row in page.context["cl"].result_list] == [debtor.id]
    assert ">50" in page.content.decode()
    some = finance.get(reverse("admin:payments_ledgeraccount_changelist"), {"standing": "some"})
    assert {row.kind for row in some.context["cl"].result_list} == {"debt", "lot"}
