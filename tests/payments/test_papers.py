"""Credit notes, electronic invoices, documents by mail and by the year, and the tax of the day."""

import io
import zipfile
from contextlib import nullcontext
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pypdf
import pytest
import time_machine
from django.core import mail
from django.db import DatabaseError, IntegrityError, connection, transaction
from facturx import get_facturx_xml_from_pdf, xml_check_xsd

from payments import billing, credit_notes, documents, invoices, returns, tax, withdrawals
from payments.documents import e_invoice
from payments.models import Invoice, InvoiceKind, LegState, ReturnKind, Seller, TopUp
from promote.accounts.models import Account, User
from promote.markets.models import Market, TaxRate
from promote.markets.taxes import tax_of
from promote.outbox import relay
from tests.api.callers import an_app
from tests.builders import NOON, a_number, an_account
from tests.front.visitors import an_advertiser, signed_in, text_of
from tests.payments.books import a_paid_top_up
from tests.payments.counter import buys
from tests.payments.ledgers import audited
from tests.payments.test_invoices import a_spent_order, billed
from tests.payments.test_invoices import text_of as words_of
from tests.payments.transfers import a_bank_account

pytestmark = pytest.mark.django_db
MICROS = 1_000_000


def a_receipt(account: Account, coins: int = 1_000, amount_minor: int = 1_490) -> Invoice:
    top_up = a_paid_top_up(account, coins, amount_minor=amount_minor)
    return invoices.issue_receipt(top_up=top_up, now=NOON)


def refunded(receipt: Invoice, amount_minor: int, ref: str = "") -> None:
    assert receipt.top_up is not None
    asked = {"kind": ReturnKind.REFUND, "provider_ref": ref or f"re_{a_number()}", "amount_minor": amount_minor}
    returns.take(top_up_id=receipt.top_up.id, now=NOON, **asked)


def noted() -> list[tuple[str, int, int]]:
    credit_notes.issue_due(now=NOON)
    notes = Invoice.objects.filter(kind=InvoiceKind.CREDIT_NOTE).order_by("issued_at", "sequence")
    return [(note.number, note.gross_minor, note.tax_minor) for note in notes]


def a_taxed_invoice(country: str = "DE", **seller: str) -> Invoice:
    """Of an order paid with coins that we sold, partly with two purchases."""
    account = an_account(country=country, language="en")
    facts = {"name": "Promote GmbH", "address": "Gasse 1\n10115 Berlin", "tax_id": f"{country}123456789", **seller}
    Seller.objects.update_or_create(market_id=country, defaults=facts)
    billing.put(
        account=account, name="Lena <Vogt> & Co", address="Am Deich 2\n20095 Hamburg", tax_id=f"{country}987654321",
        email="lena@example.com", now=NOON,
    )  # fmt: skip
    for coins, amount in ((60, 65), (100, 109)):
        a_paid_top_up(account, coins, amount_minor=amount)
    invoice = billed(account, a_spent_order(account, coins=150, spent_micros=123_400_000), title="Töpfern & mehr")
    assert invoice is not None
    return invoice


# --- credit notes ---------------------------------------------------------------------------------------------------


def test_what_goes_back_of_a_payment_has_a_credit_note_that_adds_up_with_its_tax():
    receipt = a_receipt(an_account(country="AU"))
    assert receipt.tax_minor == 135
    refunded(receipt, 500)
    assert noted() == [("AU-C-2026-000001", 500, 45)]
    refunded(receipt, 990)
    assert noted() == [("AU-C-2026-000001", 500, 45), ("AU-C-2026-000002", 990, 90)]
    assert noted()[1:] == [("AU-C-2026-000002", 990, 90)], "looked for again, nothing is found"
    note = Invoice.objects.get(number="AU-C-2026-000001")
    told = words_of(note)
    for said in ("Credit note", "Corrects", receipt.number, "Coins refunded", "A$5.00", "went back to the payment"):
        assert said in told
    kinds = list(note.account.notifications.values_list("kind", flat=True))
    assert kinds.count("credit_note_issued") == 2
    audited()


def test_a_papers_numbers_and_days_are_broken_for_no_long_name():
    account = an_account(country="DE", language="de")
    billing.put(account=account, name="Gesellschaft für Alpinwandern " * 4, address="", tax_id="", email="", now=NOON)
    receipt = a_receipt(account)
    refunded(receipt, 500)
    (number, *_), *_ = noted()
    told = words_of(Invoice.objects.get(number=number)).split("\n")
    for name, value in (("Korrigiert", receipt.number), ("Ausgestellt", f"{NOON.day}. "), ("Nummer", number)):
        assert any(line.startswith(name) and value in line for line in told), (name, told)


def test_a_withdrawal_has_its_note_once_it_is_paid_and_its_opposite_where_it_comes_back():
    receipt = a_receipt(an_account(country="AU"))
    made = withdrawals.request(account=receipt.account, surface="web", coins=400, key="k", now=NOON)
    leg = made.legs.get()
    assert noted() == []
    withdrawals.conclude(leg_id=leg.id, state=LegState.SUCCEEDED, provider_ref="re_1", now=NOON)
    assert noted() == [("AU-C-2026-000001", 596, 54)]
    withdrawals.conclude(leg_id=leg.id, state=LegState.FAILED, provider_ref="re_1", now=NOON + timedelta(days=20))
    assert noted() == [("AU-C-2026-000001", 596, 54), ("AU-C-2026-000002", -596, -54)]
    assert noted()[2:] == []
    assert "came back to us" in words_of(Invoice.objects.get(number="AU-C-2026-000002"))
    refunded(receipt, 1_490)
    assert noted()[2:] == [("AU-C-2026-000003", 1_490, 135)]


def test_a_disputed_payment_has_its_note_only_once_it_is_lost():
    receipt = a_receipt(an_account(country="AU"))
    assert receipt.top_up is not None
    dispute = returns.take(
        top_up_id=receipt.top_up.id, kind=ReturnKind.DISPUTE, provider_ref="dp", amount_minor=1_490, under_way=True,
        now=NOON,
    )  # fmt: skip
    assert noted() == []
    returns.conclude(returned_id=dispute.id, now=NOON)
    assert [gross for _number, gross, _tax in noted()] == [1_490]


def test_no_credit_note_gives_back_more_than_its_receipt_says():
    receipt = a_receipt(an_account(country="AU"))
    refunded(receipt, 1_000)
    (number, *_), *_ = noted()
    note = Invoice.objects.get(number=number)
    (line,) = note.content["lines"]
    for corrects, gross in ((receipt, 491), (receipt, -1), (note, 1), (note, -1_001)):
        with pytest.raises(DatabaseError, match="credit note"), transaction.atomic():
            invoices.issue_credit_note(
                corrects=corrects, returned=None, about=note.content["about"], now=NOON,
                line={**line, "net_minor": gross, "tax_minor": 0},
            )  # fmt: skip


@pytest.mark.parametrize("parts", [[1, 1, 1], [500, 990], [1_489, 1], [745, 745]])
def test_the_taxes_of_parts_add_up_to_the_tax_of_the_whole(parts):
    whole, at = sum(parts), 0
    shares = []
    for part in parts:
        shares.append(tax.share_of(135, part=at + part, whole=whole) - tax.share_of(135, part=at, whole=whole))
        at += part
    assert sum(shares) == 135
    assert all(share >= 0 for share in shares)


# --- electronic invoices --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("country", ["GB", "DE", "FR", "IT", "ES", "PL"])
def test_an_invoice_with_tax_rows_carries_a_factur_x_that_fits_its_profile(country):
    invoice = a_taxed_invoice(country)
    made = bytes(documents.of(invoice_id=invoice.id, now=NOON).pdf)
    name, raw = get_facturx_xml_from_pdf(made)
    assert name == "factur-x.xml"
    assert xml_check_xsd(raw, flavor="factur-x", level=e_invoice.PROFILE)
    text = raw.decode()
    assert f"<ram:ID>{invoice.number}</ram:ID>" in text.replace("\n", "")
    gross = f"{invoice.gross_minor // 100}.{invoice.gross_minor % 100:02d}"
    for said in (
        f"<ram:GrandTotalAmount>{gross}<", f"<ram:TotalPrepaidAmount>{gross}<", "<ram:DuePayableAmount>0.00<",
        f"{country}123456789", f"{country}987654321", "Lena &lt;Vogt&gt; &amp; Co",
    ):  # fmt: skip
        assert said in text
    assert text.count("<ram:IncludedSupplyChainTradeLineItem>") == 2
    meta = pypdf.PdfReader(io.BytesIO(made)).xmp_metadata
    assert meta is not None
    rdf = meta.stream.get_data().decode()
    assert ("pdfaid:part" in rdf, "EN 16931" in rdf) == (True, True)


def test_an_invoice_without_tax_rows_or_tax_number_or_elsewhere_carries_none():
    assert e_invoice.carries(a_taxed_invoice("DE"))
    assert not e_invoice.carries(a_taxed_invoice("FR", tax_id=""))
    assert not e_invoice.carries(a_taxed_invoice("AU"))
    assert not e_invoice.carries(a_receipt(an_account(country="DE")))
    made = documents.of(invoice_id=a_taxed_invoice("AU").id, now=NOON)
    assert get_facturx_xml_from_pdf(bytes(made.pdf)) == (False, False)


def test_what_a_market_carried_when_it_was_issued_stays():
    invoice = a_taxed_invoice("DE")
    Market.objects.filter(code="DE").update(e_invoice="")
    assert e_invoice.carries(Invoice.objects.get(id=invoice.id))


# --- by mail, and by the year ---------------------------------------------------------------------------------------


def heard():
    """Hands over all that waits, and what that brings about."""
    while relay.relay():
        pass


def test_a_document_is_mailed_to_the_address_on_it_with_its_pdf():
    invoice = a_taxed_invoice("DE")
    heard()
    (letter,) = [one for one in mail.outbox if "Invoice" in one.subject]
    assert len(mail.outbox) == 3, "two receipts came first"
    assert (letter.to, letter.subject) == (["lena@example.com"], f"Promote GmbH: Invoice {invoice.number}")
    assert "nothing is due" in letter.body
    ((name, pdf, kind),) = letter.attachments
    assert (name, kind) == (f"{invoice.number}.pdf", "application/pdf")
    assert pdf == bytes(documents.of(invoice_id=invoice.id, now=NOON).pdf)
    heard()
    assert len(mail.outbox) == 3


def test_who_gave_no_address_gets_no_mail_and_where_no_mail_server_is_none_is_sent(settings):
    a_receipt(an_account())
    heard()
    settings.EMAIL_BACKEND = ""
    a_taxed_invoice("DE")
    heard()
    assert mail.outbox == []


@pytest.mark.usefixtures("static_files")
def test_all_documents_of_a_year_come_in_one_file():
    account = an_advertiser(country="AU")
    receipts = [a_receipt(account) for _ in range(2)]
    invoices.issue_receipt(top_up=a_paid_top_up(account, 10, amount_minor=15), now=NOON + timedelta(days=400))
    a_receipt(an_account(country="AU"))
    answer = an_app(account).get("/invoices/2026.zip")
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/zip")
    with zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content))) as file:
        assert file.testzip() is None
        assert sorted(file.namelist()) == sorted(f"{receipt.number}.pdf" for receipt in receipts)
        first = file.read(f"{receipts[0].number}.pdf")
    assert first == bytes(documents.of(invoice_id=receipts[0].id, now=NOON).pdf)
    assert an_app(account).get("/invoices/2025.zip").status_code == 404
    browser = signed_in(account)
    assert "All of 2027 All of 2026" in " ".join(text_of(browser.get("/invoices/")).split())
    assert b"".join(browser.get("/invoices/2026.zip").streaming_content)[:2] == b"PK"


def as_shown(page) -> dict[str, str]:
    """What the admin's form would send as it stands."""
    forms = [page.context["adminform"].form] + [
        form for one in page.context["inline_admin_formsets"] for form in (one.formset.management_form, *one.formset)
    ]
    shown = {}
    for field in (field for form in forms for field in form):
        value = field.value()
        if value is not None and value is not False:
            shown[field.html_name] = value if isinstance(value, list) else str(value)
    return shown


# --- the tax of the day ---------------------------------------------------------------------------------------------


def test_a_new_rate_holds_from_its_day_in_the_market_and_not_for_what_was_sold_before():
    market = Market.objects.get(code="ID")
    TaxRate.objects.create(market=market, valid_from=date(2026, 11, 25), name="VAT", percent=Decimal(12))
    before = NOON.replace(hour=16, minute=59)
    assert [tax_of(market, at=at).percent for at in (before, before + timedelta(minutes=1))] == [11, 12]
    account = an_account(country="ID")
    old = a_paid_top_up(account, 100, amount_minor=11_100)
    assert TopUp.objects.get(id=old.id).tax_minor == 1_100
    invoice = billed(
        account, a_spent_order(account, coins=100, spent_micros=100 * MICROS), now=before + timedelta(days=1)
    )
    assert invoice is not None
    assert invoice.tax_minor == 1_100


def test_a_rate_holds_to_its_last_day_and_then_the_markets_own_again():
    market = Market.objects.get(code="ID")
    rate = {"name": "VAT", "percent": Decimal(12)}
    TaxRate.objects.create(market=market, valid_from=date(2026, 11, 24), valid_to=date(2026, 11, 25), **rate)
    last = datetime(2026, 11, 25, 16, 59, tzinfo=UTC)
    assert [tax_of(market, at=last + timedelta(minutes=n)).percent for n in (-2880, 0, 1)] == [11, 12, 11]
    account = an_account(country="ID")
    a_bank_account()
    sold = []
    for n in (0, 1):
        with time_machine.travel(last + timedelta(minutes=n), tick=False):
            sold.append(buys("ID", "offline_bank_transfer", account=account, coins=100).tax_percent)
    assert sold == [12, 11]


@pytest.mark.parametrize(
    ("market", "first", "last", "is_taken"),
    [
        ("ID", date(2026, 11, 30), None, False),
        ("ID", date(2026, 12, 1), None, True),
        ("ID", date(2026, 10, 1), date(2026, 11, 1), False),
        ("ID", date(2026, 10, 1), date(2026, 10, 31), True),
        ("ID", date(2026, 10, 1), None, False),
        ("IT", date(2026, 11, 1), None, True),
        ("TH", date(2026, 11, 5), date(2026, 11, 6), True),
    ],
)
def test_no_two_rates_of_a_market_share_a_day(market, first, last, is_taken):
    rate = {"name": "VAT", "percent": Decimal(12)}
    TaxRate.objects.create(market_id="ID", valid_from=date(2026, 11, 1), valid_to=date(2026, 11, 30), **rate)
    other = {"valid_from": first, "valid_to": last, **rate}
    refused = nullcontext() if is_taken else pytest.raises(IntegrityError, match="tax_rates_follow_each_other")
    with refused, transaction.atomic(), connection.cursor() as cursor:
        TaxRate.objects.create(market_id=market, **other)
        cursor.execute("SET CONSTRAINTS tax_rates_follow_each_other IMMEDIATE")


def test_finance_ends_a_rate_and_begins_the_next_in_one_go(static_files, client):
    market = Market.objects.get(code="ID")
    rate = TaxRate.objects.create(market=market, valid_from=date(2026, 1, 1), name="VAT", percent=Decimal(11))
    client.force_login(User.objects.create_superuser("root"))
    address = f"/admin/markets/market/{market.pk}/change/"
    asked = as_shown(client.get(address)) | {
        "tax_rates-TOTAL_FORMS": "2", "tax_rates-1-market": "ID", "tax_rates-1-valid_from": "2027-01-01",
        "tax_rates-1-name": "VAT", "tax_rates-1-percent": "12",
    }  # fmt: skip
    refused = client.post(address, asked)
    assert "The tax from 2026-01-01 still holds on 2027-01-01" in refused.content.decode()
    assert client.post(address, asked | {"tax_rates-0-valid_to": "2026-12-31"}).status_code == 302
    rate.refresh_from_db()
    assert rate.valid_to == date(2026, 12, 31)
    assert market.tax_rates.count() == 2
