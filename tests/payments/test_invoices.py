"""Invoices and receipts: what stands on them adds up to the minor unit, their numbers have no gap, nothing changes."""

import hashlib
import io
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pypdf
import pypdfium2  # type: ignore[import-untyped]
import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from payments import billing, checkpoints, currencies, documents, invoices, ledger, numbering, tax
from payments.invoices import SettledOrder
from payments.models import (
    BillingDetails,
    Invoice,
    InvoiceKind,
    InvoiceSeries,
    Lot,
    LotUse,
    Seller,
    TopUp,
)
from promote import ids
from promote.accounts.models import Account
from promote.markets.models import Market
from promote.money import MICROS
from promote.notifications.models import Notification
from promote.outbox import relay
from promote.refusals import NotFound, WrongState
from tests import builders
from tests.builders import NOON, a_number, an_account
from tests.payments import books
from tests.payments.buying import Till, a_top_up
from tests.payments.ledgers import a_coupon, an_escrow, audited, bought, charged, granted, settled, together

pytestmark = pytest.mark.django_db


def a_spent_order(account: Account, *, coins: int, spent_micros: int, coupon_coins: int = 0) -> str:
    """The id of an order that was funded, charged and settled in the ledger."""
    ref = f"ord_{a_number():032x}"
    coupon = a_coupon(coupon_coins) if coupon_coins else None
    settled(charged(an_escrow(account, coins, coupon=coupon, ref=ref), spent_micros))
    return ref


def billed(account: Account, ref: str, *, now: datetime = NOON, **about: str) -> Invoice | None:
    market = Market.objects.get(code=account.country)
    return invoices.issue_for_order(order_ref=ref, account=account, market=market, about=about, now=now)


def an_invoice(account: Account | None = None, *, coins: int = 100, now: datetime = NOON) -> Invoice:
    account = account or an_account()
    granted(account, coins)
    invoice = billed(account, a_spent_order(account, coins=coins, spent_micros=coins * MICROS), now=now)
    assert invoice is not None
    return invoice


def lines_of(invoice: Invoice | None) -> list[tuple[str, int, int | None, int | None]]:
    """(origin, coins, net, tax) of each line."""
    assert invoice is not None
    return [
        (line.get("origin", "coupon"), line["micros"] // MICROS, line.get("net_minor"), line.get("tax_minor"))
        for line in invoice.content["lines"]
    ]


def text_of(invoice: Invoice) -> str:
    document = documents.of(invoice_id=invoice.id, now=NOON)
    pdf = pypdfium2.PdfDocument(bytes(document.pdf))
    return "\n".join(page.get_textpage().get_text_range() for page in pdf).replace("\r\n", "\n")


# what stands on an invoice


def test_receipts_of_many_payments_are_written_together_each_once():
    account = an_account()
    paid = [books.a_paid_top_up(account, 10) for _ in range(3)]
    first = invoices.issue_receipt(top_up=paid[1], now=NOON)
    for _ in range(2):
        invoices.issue_receipts(top_up_ids=[ids.new(), *(one.id for one in paid)], now=NOON)
    issued = Invoice.objects.filter(kind=InvoiceKind.RECEIPT, account=account)
    assert {one.top_up_id for one in issued} == {one.id for one in paid}
    assert sorted(one.sequence for one in issued) == list(range(first.sequence, first.sequence + 3))


def test_an_invoice_names_what_each_lot_paid_and_taxes_what_we_sold() -> None:
    account = an_account(country="GB")
    granted(account, 20)
    bought(account, 300, origin="apple", paid_minor=297, currency="GBP")
    bought(account, 1000, paid_minor=990, currency="GBP")
    invoice = billed(account, a_spent_order(account, coins=1000, spent_micros=820 * MICROS, coupon_coins=50))
    assert invoice is not None
    assert lines_of(invoice) == [
        ("grant", 20, None, None),  # given by us: price 0
        ("apple", 300, None, None),  # the store sold them, and invoiced them
        ("card", 450, 371, 74),  # 4.45 with 20 % within
        ("coupon", 50, None, None),
    ]
    assert (invoice.net_minor, invoice.tax_minor, invoice.gross_minor, invoice.currency) == (371, 74, 445, "GBP")


def test_a_part_of_a_lot_costs_its_cumulative_share() -> None:
    account = an_account(country="JP")
    bought(account, 100, paid_minor=10, currency="JPY")
    prices = []
    for _ in range(4):
        invoice = billed(account, a_spent_order(account, coins=25, spent_micros=25 * MICROS))
        assert invoice is not None
        prices.append(invoice.gross_minor)
    assert prices == [2, 3, 2, 3]  # floor(2.5), floor(5) - 2, …: ten in all


def test_an_order_that_spent_less_than_a_coin_has_no_invoice() -> None:
    account = an_account()
    granted(account, 100)
    assert billed(account, a_spent_order(account, coins=50, spent_micros=999_999)) is None
    assert billed(account, a_spent_order(account, coins=50, spent_micros=30 * MICROS, coupon_coins=30)) is None
    assert not InvoiceSeries.objects.exists()


def test_an_order_is_billed_once() -> None:
    account = an_account()
    granted(account, 100)
    ref = a_spent_order(account, coins=50, spent_micros=10 * MICROS)
    first, again = billed(account, ref), billed(account, ref, now=NOON + timedelta(days=1))
    assert first is not None
    assert first == again
    assert Notification.objects.filter(account=account, kind="invoice_issued").count() == 1
    with pytest.raises(IntegrityError, match="invoice_one_per_order"), transaction.atomic():
        _insert_again(first)


def test_orders_billed_together_are_billed_as_one_by_one(django_assert_max_num_queries: Any) -> None:
    orders: list[tuple[Account, str]] = []
    for country, spent in (("US", 30), ("JP", 45), ("US", 0), ("US", 50), ("JP", 12)):
        account = an_account(country=country)
        bought(account, 100, paid_minor=990, currency={"US": "USD", "JP": "JPY"}[country])
        orders += [(account, a_spent_order(account, coins=50, spent_micros=spent * MICROS)) for _ in range(2)]
    markets = Market.objects.in_bulk()
    together_ = [SettledOrder(ref, account, markets[account.country], {}) for account, ref in orders]
    with django_assert_max_num_queries(32):
        invoices.issue_for_orders(together_, now=NOON)
    invoices.issue_for_orders(together_, now=NOON)
    numbers = [invoice.number for invoice in Invoice.objects.order_by("number")]
    assert numbers == [f"{code}-2026-{n:06d}" for code in ("JP", "US") for n in (1, 2, 3, 4)]
    for account, _ref in orders:
        told = [invoice.gross_minor for invoice in account.invoices.order_by("sequence")]
        used = sum(use.micros for use in LotUse.objects.filter(lot__account=account))
        assert sum(told) == 990 * used // (100 * MICROS)
    assert Notification.objects.filter(kind="invoice_issued").count() == 8
    audited()


def _insert_again(invoice: Invoice) -> None:
    """Past the use case: a second document of the same order, with a number of its own."""
    number = numbering.take(kind=InvoiceKind.INVOICE, market=invoice.market, now=NOON)
    invoice.pk, invoice.sequence, invoice.number = ids.new(), number.sequence, number.text
    invoice.save(force_insert=True)


def test_what_is_billed_becomes_revenue() -> None:
    account = an_account(country="GB")
    owed, earned = (ledger.platform(code, ledger=currencies.ledger_of("GBP")) for code in ("coin_liability", "revenue"))
    before = checkpoints.balance(owed), checkpoints.balance(earned)
    bought(account, 1000, paid_minor=990, currency="GBP")
    billed(account, a_spent_order(account, coins=1000, spent_micros=1000 * MICROS))
    assert (checkpoints.balance(owed) - before[0], checkpoints.balance(earned) - before[1]) == (-825, 825)


def test_coins_bought_in_another_currency_add_up_by_themselves() -> None:
    account = an_account(country="US")
    bought(account, 100, paid_minor=99, currency="USD")
    bought(account, 100, paid_minor=1_600_000, currency="IDR")
    invoice = billed(account, a_spent_order(account, coins=150, spent_micros=150 * MICROS))
    assert invoice is not None
    assert (invoice.gross_minor, invoice.currency) == (99, "USD")
    assert {currency: sums.gross_minor for currency, sums in invoices.totals(invoice.content["lines"]).items()} == {
        "USD": 99,
        "IDR": 800_000,
    }
    assert "Total in IDR Rp8,000" in text_of(invoice)


def test_the_tax_is_the_one_of_the_purchase(at_till: Till) -> None:
    top_up = a_paid_top_up(at_till, country="AU")
    Market.objects.filter(code="AU").update(tax_percent=Decimal("15.00"))
    account = Account.objects.get(id=top_up.account_id)
    invoice = billed(account, a_spent_order(account, coins=1000, spent_micros=1000 * MICROS))
    assert lines_of(invoice) == [("card", 1000, 1355, 135)]  # 14.90 with 10 % within, not 15 %
    assert (top_up.net_minor, top_up.tax_minor) == (1355, 135)
    audited()


def a_paid_top_up(at_till: Till, *, country: str = "US", coins: int = 1000) -> TopUp:
    from payments import top_ups

    top_up = a_top_up(an_account(country=country), coins=coins)
    at_till.pays(top_up)
    return top_ups.confirm(top_up_id=top_up.id, now=timezone.now())


@settings(max_examples=30, deadline=None)
@given(
    lots=st.lists(
        st.tuples(st.sampled_from(["grant", "apple", "card", "card"]), st.integers(1, 500), st.integers(0, 5_000_000)),
        min_size=1,
        max_size=4,
    ),
    shares=st.lists(st.tuples(st.integers(1, 100), st.integers(0, 1000)), min_size=1, max_size=6),
)
def test_the_invoices_of_used_up_lots_add_up_to_what_was_paid_for_them(
    lots: Sequence[tuple[str, int, int]], shares: Sequence[tuple[int, int]]
) -> None:
    """Whatever was spent of each order, and however the orders share the lots."""
    with transaction.atomic():
        account = an_account(country="GB")
        opened = [
            granted(account, coins)
            if origin == "grant"
            else bought(account, coins, origin=origin, paid_minor=paid, currency="GBP")
            for origin, coins, paid in lots
        ]
        left = sum(lot.coins for lot in opened)
        issued = []
        for share, spent_permille in shares:
            coins = max(1, left * share // 100)
            if left:
                ref = a_spent_order(account, coins=coins, spent_micros=coins * MICROS * spent_permille // 1000)
                issued.append(billed(account, ref))
                left = sum(ledger.balances([lot.ledger_account_id for lot in opened]).values()) // MICROS
        if left:
            issued.append(billed(account, a_spent_order(account, coins=left, spent_micros=left * MICROS)))
        found = [invoice for invoice in issued if invoice]
        for invoice in found:
            sums = invoices.totals(invoice.content["lines"])
            gross = sum(line.get("net_minor", 0) + line.get("tax_minor", 0) for line in invoice.content["lines"])
            assert gross == invoice.gross_minor == invoice.net_minor + invoice.tax_minor
            assert sums.get("GBP", invoices.Amounts(0, 0)).gross_minor == invoice.gross_minor
        sold = [lot for lot in opened if lot.origin == "card"]
        assert sum(invoice.gross_minor for invoice in found) == sum(lot.paid_minor for lot in sold)
        taxes = [tax.within(lot.paid_minor, Decimal(20)) for lot in sold]
        assert sum(invoice.tax_minor for invoice in found) == sum(taxes)
        assert {use.lot_id: use.used_micros for use in LotUse.objects.filter(lot__account=account).order_by("seq")} == {
            lot.id: lot.coins * MICROS for lot in opened
        }
        transaction.set_rollback(True)


@given(gross=st.integers(0, 10**12), hundredths=st.integers(0, 9999))
def test_the_tax_within_a_price_is_rounded_half_up(gross: int, hundredths: int) -> None:
    percent = Decimal(hundredths) / 100
    exact = Decimal(gross) * percent / (100 + percent)
    assert abs(tax.within(gross, percent) - exact) <= Decimal("0.5")
    assert 0 <= tax.within(gross, percent) <= gross


# receipts


def test_a_top_up_has_one_receipt(at_till: Till) -> None:
    top_up = a_paid_top_up(at_till, country="AU")
    receipt = invoices.issue_receipt(top_up=top_up, now=NOON)
    assert receipt == invoices.issue_receipt(top_up=top_up, now=NOON)
    assert receipt.number == "AU-R-2026-000001"
    assert (receipt.net_minor, receipt.tax_minor, receipt.gross_minor) == (1355, 135, 1490)
    text = text_of(receipt)
    for words in ("Receipt", "A$14.90", "GST 10 %", "1,000", top_up.public_id, "Paid in full"):
        assert words in text


def test_nothing_is_receipted_that_was_not_paid(at_till: Till) -> None:
    with pytest.raises(WrongState):
        invoices.issue_receipt(top_up=a_top_up(), now=NOON)


def test_a_paid_top_up_gets_its_receipt_by_itself(committed_db: str, at_till: Till) -> None:
    top_up = a_paid_top_up(at_till)
    relay.relay()
    assert Invoice.objects.get().top_up_id == top_up.id


def test_a_settled_order_gets_its_invoice_by_itself(committed_db: str) -> None:
    order = builders.settled(builders.ended(builders.charged(builders.a_delivering_order(), 120 * MICROS)))
    relay.relay(limit=500)
    invoice = Invoice.objects.get(kind=InvoiceKind.INVOICE)
    assert (invoice.order_ref, invoice.account_id) == (order.public_id, order.account_id)
    assert sum(coins for _origin, coins, _net, _tax in lines_of(invoice)) == 120
    assert str(order.target) in text_of(invoice)


# numbers


def test_numbers_count_by_kind_market_and_year_there() -> None:
    new_year_in_sydney = datetime(2026, 12, 31, 13, 30, tzinfo=UTC)
    numbers = [
        an_invoice(an_account(country=country), now=at).number
        for country, at in [
            ("AU", NOON),
            ("AU", NOON),
            ("US", NOON),
            ("AU", new_year_in_sydney),
            ("US", new_year_in_sydney),
        ]
    ]
    assert numbers == ["AU-2026-000001", "AU-2026-000002", "US-2026-000001", "AU-2027-000001", "US-2026-000002"]


def test_numbers_have_no_gap_though_many_issue_at_once_and_some_fail(committed_db: str) -> None:
    accounts = [an_account() for _ in range(16)]
    refs = {}
    for account in accounts:
        granted(account, 1000)
        refs[account.id] = [a_spent_order(account, coins=10, spent_micros=10 * MICROS) for _ in range(6)]

    def issue_all(account: Account) -> None:
        chance = random.Random(account.external_id)
        for ref in refs[account.id]:
            for is_last in (False, True):
                try:
                    with transaction.atomic():
                        billed(account, ref)
                        if not is_last and chance.random() < 0.5:
                            raise _ChangedMyMind
                except _ChangedMyMind:
                    continue
                break

    answers = together([lambda account=account: issue_all(account) for account in accounts])  # type: ignore[misc]
    assert answers == [None] * 16
    sequences = sorted(Invoice.objects.values_list("sequence", flat=True))
    assert sequences == list(range(1, 97))
    assert InvoiceSeries.objects.get().next == 97
    audited()


class _ChangedMyMind(Exception):
    pass


def test_the_database_refuses_a_number_without_its_document(committed_db: str) -> None:
    market = Market.objects.get(code="US")
    with pytest.raises(DatabaseError, match="stands on no document"), transaction.atomic():
        numbering.take(kind=InvoiceKind.INVOICE, market=market, now=NOON)
    an_invoice()
    for change in ("next = next + 2", "next = next - 1", "key = 'other'"):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"UPDATE payments_invoiceseries SET {change}")  # noqa: S608
    assert numbers_of(market) == ["US-2026-000001"]


def numbers_of(market: Market) -> list[str]:
    return list(Invoice.objects.filter(market=market).order_by("sequence").values_list("number", flat=True))


def test_what_was_issued_can_not_be_changed() -> None:
    invoice = an_invoice()
    documents.of(invoice_id=invoice.id, now=NOON)
    for table, column in [
        ("payments_invoice", "net_minor"),
        ("payments_invoicedocument", "sha256"),
        ("payments_lotuse", "micros"),
    ]:
        for statement in (f"UPDATE {table} SET {column} = {column}", f"DELETE FROM {table}"):  # noqa: S608
            with pytest.raises(DatabaseError, match="stay as they were written"), transaction.atomic():
                connection.cursor().execute(statement)


# the document


def test_the_pdf_is_made_once_and_kept() -> None:
    invoice = an_invoice()
    document = documents.of(invoice_id=invoice.id, now=NOON)
    content = bytes(document.pdf)
    assert document.sha256 == hashlib.sha256(content).hexdigest()
    later = documents.of(invoice_id=invoice.id, now=NOON + timedelta(days=400))
    assert (bytes(later.pdf), later.rendered_at) == (content, NOON)


def test_the_pdf_is_an_archivable_one_with_its_title() -> None:
    invoice = an_invoice()
    content = bytes(documents.of(invoice_id=invoice.id, now=NOON).pdf)
    pdf = pypdf.PdfReader(io.BytesIO(content))
    assert pdf.metadata is not None
    assert pdf.metadata.title == f"Invoice {invoice.number}"
    assert b"<pdfaid:part>3</pdfaid:part>" in content.replace(b" ", b"")


def test_the_pdf_names_both_parties_as_they_were_when_it_was_issued() -> None:
    account = an_account(username="rahayu")
    billing.put(account=account, name="Rahayu Studio", address="1 Jalan\nUbud", tax_id="NPWP 1", email="", now=NOON)
    Seller.objects.create(market_id="US", name="Promote Inc.", address="1 Market St", tax_id="98-1")
    invoice = an_invoice(account)
    BillingDetails.objects.update(name="Another")
    text = text_of(invoice)
    for words in ("Rahayu Studio", "Ubud", "Tax number NPWP 1", "Promote Inc.", "1 Market St", "@rahayu"):
        assert words in text
    assert "Another" not in text


@pytest.mark.parametrize(
    "title",
    [
        "# not *bold* $x$ #let y = 1 `raw` <label> @ref",
        "ผ้าบาติก กี่ น้ำ",
        "手描きのバティック",
        "한국어",
        "“quoted” \\ {x}",
    ],
)
def test_a_caption_is_data_and_never_markup(title: str) -> None:
    account = an_account()
    granted(account, 10)
    invoice = billed(account, a_spent_order(account, coins=10, spent_micros=10 * MICROS), title=title)
    assert invoice is not None
    content = bytes(documents.of(invoice_id=invoice.id, now=NOON).pdf)
    assert len(content) < 120_000  # fonts are subsets
    found = "".join(text_of(invoice).split())
    assert "".join(title.split())[:4] in found


@pytest.mark.parametrize(
    ("title", "set_as"),
    [
        ("Flash sale 😀🔥 today", "Flash sale □ today"),
        ("👩\u200d👩\u200d👧 and \u0ba4\u0bae\u0bbf\u0bb4\u0bcd", "□ and □"),
        ("a\x07b", "a□b"),
        ("\ufffc\u20d2\u05ba plain", "□ plain"),
    ],
)
def test_what_no_font_has_stands_as_a_box_and_keeps_no_paper_back(title: str, set_as: str) -> None:
    account = an_account()
    billing.put(account=account, name="Studio 🔥", address="🏠 1 Jalan", tax_id="", email="", now=NOON)
    granted(account, 10)
    invoice = billed(account, a_spent_order(account, coins=10, spent_micros=10 * MICROS), title=title)
    assert invoice is not None
    text = text_of(invoice)
    for words in (set_as, "Studio □", "□ 1 Jalan"):
        assert words in text


def test_a_name_in_any_direction_and_of_any_length_is_set_as_it_is() -> None:
    account = an_account()
    billing.put(account=account, name="W" * 200, address="שלום\nمرحبا\n" * 40, tax_id="", email="", now=NOON)
    granted(account, 10)
    invoice = billed(account, a_spent_order(account, coins=10, spent_micros=10 * MICROS), title="\u202emoc.live")
    assert invoice is not None
    assert "".join(text_of(invoice).split()).count("W") >= 200


def test_another_accounts_invoice_is_not_found() -> None:
    invoice = an_invoice()
    assert invoices.get(account=invoice.account, public_id=invoice.public_id) == invoice
    with pytest.raises(NotFound):
        invoices.get(account=an_account(), public_id=invoice.public_id)
    assert Lot.objects.filter(account=invoice.account).count() == 1
