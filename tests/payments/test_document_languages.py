"""Documents speak the language of their reader, or the market's: whole, and as their catalogues were last written."""

import ast
import gettext
import re
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import translation
from django.utils.translation import to_locale

import payments.documents
from payments import languages
from payments.documents.sheet import sheet
from payments.models import InvoiceKind
from payments.models.lots import Origin
from promote.markets.models import Market
from tests.builders import NOON, an_account
from tests.payments.ledgers import bought
from tests.payments.test_invoices import a_spent_order, billed, text_of

CATALOGUES = sorted(Path(settings.LOCALE_PATHS[0]).glob("*/LC_MESSAGES/django.po"))
_ENTRY = re.compile(r'^msgid "(.+)"\nmsgstr "(.*)"$', re.MULTILINE)
_PLACEHOLDER = re.compile(r"%(?:\(\w+\))?s")


def written(catalogue: Path) -> dict[str, str]:
    return {key: words.replace('\\"', '"') for key, words in _ENTRY.findall(catalogue.read_text(encoding="utf-8"))}


def strings_of_documents() -> set[str]:
    """Every literal that the documents' code asks gettext for, and the labels that it borrows."""
    found = {str(label) for _, label in (*Origin.choices, *InvoiceKind.choices)}
    for file in Path(payments.documents.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in {"_", "gettext_lazy"}:
                where = f"{file.name}:{node.lineno} asks for what no catalogue can hold"
                text = node.args[0]
                assert isinstance(text, ast.Constant), where
                assert isinstance(text.value, str), where
                found.add(text.value)
    return found


@pytest.mark.django_db
def test_every_market_has_its_language() -> None:
    for market in Market.objects.all():
        assert languages.first_spoken(market.language) == market.language.lower(), market.code


@pytest.mark.parametrize("catalogue", CATALOGUES, ids=lambda file: file.parts[-3])
def test_a_catalogue_is_whole_and_its_compiled_form_says_the_same(catalogue: Path) -> None:
    words = written(catalogue)
    assert strings_of_documents() - words.keys() == set()
    for key, said in words.items():
        assert said, key
        assert sorted(_PLACEHOLDER.findall(said)) == sorted(_PLACEHOLDER.findall(key)), key
    with catalogue.with_suffix(".mo").open("rb") as compiled:
        held = gettext.GNUTranslations(compiled)
    assert {key: held.gettext(key) for key in words} == words, "run manage.py compilemessages"
    assert to_locale(catalogue.parts[-3]) == catalogue.parts[-3]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("country", "currency", "title"),
    [("DE", "EUR", "Rechnung"), ("TH", "THB", "ใบแจ้งหนี้"), ("JP", "JPY", "請求書"), ("SA", "SAR", "فاتورة")],
)
def test_an_invoice_is_in_the_markets_language(country: str, currency: str, title: str) -> None:
    account = an_account(country=country)
    bought(account, 100, paid_minor=1090, currency=currency)
    invoice = billed(account, a_spent_order(account, coins=100, spent_micros=100_000_000), now=NOON)
    assert invoice is not None
    with translation.override(invoice.language):
        assert sheet(invoice)["title"] == title


@pytest.mark.django_db
def test_the_pdf_is_set_in_that_language() -> None:
    account = an_account(country="DE")
    bought(account, 100, paid_minor=1090, currency="EUR")
    invoice = billed(account, a_spent_order(account, coins=100, spent_micros=100_000_000), now=NOON)
    assert invoice is not None
    text = text_of(invoice)
    for words in ("Rechnung", "Am 24. November 2026 gekaufte Coins (Karte)", "USt. 19 %", "Gesamt"):
        assert words in text


@pytest.mark.django_db
def test_the_readers_own_language_goes_before_the_markets() -> None:
    assert languages.first_spoken("fr-CA", "en") == "fr"
    assert languages.first_spoken("pt-BR") == "pt-br"
    assert languages.first_spoken("tlh", "de") == "de"
    assert languages.first_spoken("tlh", "") == "en"
