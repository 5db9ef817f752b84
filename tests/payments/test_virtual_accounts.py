"""A transfer's account number is its own, whatever the draw says; and what DOKU has under it is asked, not assumed."""

import hashlib
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.db import DatabaseError, connection, transaction

from payments import gateways, virtual_accounts
from payments.models import TopUp, TopUpStatus, VirtualAccount
from payments.top_ups import NotStarted
from tests.payments.counter import Counter, buys, confirmed

pytestmark = pytest.mark.django_db


def draws(monkeypatch: pytest.MonkeyPatch, *numbers: int) -> None:
    drawn: Iterator[int] = iter(numbers)
    monkeypatch.setattr(secrets, "randbelow", lambda _most: next(drawn))


def lost(top_up: TopUp, *, key: str) -> TopUp:
    """DOKU's first answer was lost, and the payer asks again."""
    TopUp.objects.filter(id=top_up.id).update(provider_ref="", instructions=None)
    return buys("ID", "doku_bank_transfer", key=key, account=top_up.account)


def test_a_number_that_is_taken_is_drawn_again(at_counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    draws(monkeypatch, 7, 7, 7, 8)
    first, second = buys("ID", "doku_bank_transfer"), buys("ID", "doku_bank_transfer")
    assert [one.instructions["account_number"][-12:] for one in (first, second)] == ["000000000007", "000000000008"]
    at_counter.pays(second)
    assert confirmed(second).status == TopUpStatus.PAID
    assert confirmed(first).status == TopUpStatus.PENDING


def test_no_code_path_gives_two_payments_one_number_or_changes_it(at_counter: Counter) -> None:
    first, second = buys("ID", "doku_bank_transfer"), buys("ID", "doku_bank_transfer")
    rows = VirtualAccount.objects
    with pytest.raises(DatabaseError, match="stay"), transaction.atomic():
        rows.filter(top_up=second.id).update(number=rows.get(top_up=first.id).number)
    other = buys("ID", "dana")
    with pytest.raises(DatabaseError, match="virtual_account_of_one_payment"), transaction.atomic():
        rows.create(top_up=other, number=rows.get(top_up=first.id).number)


def test_a_conflict_is_our_first_try_only_where_doku_has_just_this_payment(
    at_counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = buys("ID", "doku_bank_transfer", key="once")
    assert lost(first, key="once").instructions["account_number"] == first.instructions["account_number"]
    theirs = VirtualAccount.objects.get(top_up=first.id).number
    # A number that DOKU gave to a payment of another system of ours is in no row here.
    monkeypatch.setattr(virtual_accounts, "take", lambda _: f"{theirs:012d}")
    with pytest.raises(NotStarted):
        buys("ID", "doku_bank_transfer")
    assert TopUp.objects.exclude(id=first.id).get().status == TopUpStatus.FAILED


def test_a_conflict_about_the_call_alone_is_asked_anew(at_counter: Counter) -> None:
    """The first try reached DOKU's door and no further: it knows the call's id, and no account."""
    first = buys("ID", "doku_bank_transfer", key="once")
    gateway = gateways.named("doku")
    first_asked = gateway._ask  # type: ignore[attr-defined]
    seen: list[str] = []

    def asks(path: str, body: object, *, external_id: str, **more: str) -> object:
        seen.append(path.rpartition("/")[2])
        return first_asked(path, body, external_id=external_id, **more)

    second = TopUp.objects.create(**{
        **{f.attname: getattr(first, f.attname) for f in TopUp._meta.concrete_fields if f.attname != "id"},
        "key": "twice", "provider_ref": "",
    })  # fmt: skip
    gateway._ask = asks  # type: ignore[attr-defined]
    try:
        from payments import purchases

        purchase = purchases.of(second, account=second.account, return_url="http://127.0.0.1/")
        started = gateway.start(purchase, key=f"{first.public_id}:v1")
    finally:
        del gateway._ask  # type: ignore[attr-defined]
    assert seen == ["create-va", "status", "create-va"]
    assert started.instructions is not None
    assert started.instructions.account_number != first.instructions["account_number"]


def test_those_of_before_keep_the_number_that_was_made_of_their_id(at_counter: Counter) -> None:
    top_up = buys("ID", "doku_bank_transfer")
    sql = (Path(settings.BASE_DIR) / "payments/sql/0059_virtual_accounts.sql").read_text()
    with connection.cursor() as cursor:
        cursor.execute(sql[sql.index("SELECT t.id") : sql.index("ORDER BY")])
        filled = cursor.fetchall()
    digest = hashlib.sha256(top_up.public_id.removeprefix("top_").encode()).digest()
    assert filled == [(top_up.id, int.from_bytes(digest[:8]) % 10**12)]
