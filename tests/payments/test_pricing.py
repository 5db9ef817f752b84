"""What a part of a lot costs, and what is credited of it, whatever other orders did between."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from payments import charge_returns, pricing
from payments.models import Invoice, InvoiceKind
from payments.pricing import Price, Told
from promote.money import MICROS
from tests.builders import NOON, a_number, an_account
from tests.payments.ledgers import an_escrow, audited, bought, charged, settled
from tests.payments.test_invoices import a_spent_order, billed

PARTS = st.lists(st.tuples(st.integers(1, 4), st.lists(st.integers(1, 4), max_size=3)), min_size=1, max_size=8)


@settings(max_examples=150, deadline=None)
@given(paid=st.integers(1, 60), percent=st.sampled_from(["0", "7", "11", "20"]), parts=PARTS, seed=st.randoms())
def test_an_order_is_credited_within_what_it_was_told_and_a_used_up_lot_adds_up(
    paid: int, percent: str, parts: Any, seed: Any
) -> None:
    coins = sum(used for used, _ in parts)
    price = Price(paid, coins, Decimal(percent))
    told, stands = Told(0, 0, 0), []
    for used, _ in parts:
        after = pricing.go_on(told, micros=used, price=price)
        stands.append(after - told)
        told = after
    assert told == (coins, paid, price.of(coins).tax_minor)
    backs = [(place, back) for place, (_, some) in enumerate(parts) for back in some]
    seed.shuffle(backs)
    for place, wanted in backs:
        left = stands[place]
        if back := min(wanted, left.micros):
            after = pricing.give_back(told, micros=back, price=price, left=left)
            stands[place], told = left - (told - after), after
        assert min(stands[place]) >= 0
        assert stands[place].tax_minor <= stands[place].gross_minor
        assert stands[place].micros or stands[place] == (0, 0, 0)
    if told.micros < coins:
        told = pricing.go_on(told, micros=coins - told.micros, price=price)
    assert told.gross_minor == paid
    assert told.tax_minor == price.of(coins).tax_minor


@pytest.mark.django_db
def test_charges_of_an_order_come_back_though_others_used_the_lot_since() -> None:
    account = an_account()
    bought(account, 3, paid_minor=10, currency="USD")
    first = an_escrow(account, 1, ref=f"ord_{a_number():032x}")
    settled(charged(first, MICROS))
    refs = [first.ref, *(a_spent_order(account, coins=1, spent_micros=MICROS) for _ in range(2))]
    told = [invoice.gross_minor for ref in refs if (invoice := billed(account, ref))]
    assert told == [3, 3, 4]
    asked: Any = {"escrow_id": first.escrow_id, "owner": account.id, "order_ref": refs[0], "now": NOON}
    charge_returns.after_settlement(**asked, was_micros=MICROS, is_micros=0, ref="ret_1")
    note = Invoice.objects.get(kind=InvoiceKind.CREDIT_NOTE)
    assert (note.order_ref, note.gross_minor) == (refs[0], 3)
    again = billed(account, a_spent_order(account, coins=1, spent_micros=MICROS))
    assert again is not None
    assert again.gross_minor == 3
    audited()
