"""Amounts as people read them."""

import pytest

from promote.markets.models import Market
from promote.money import exponent, format_coins, format_micros, format_price, micros_to_coins_floor, typed


@pytest.mark.parametrize(("coins", "text"), [(1, "1 coin"), (700, "700 coins"), (20000, "20,000 coins")])
def test_coins_are_grouped_and_named(coins, text):
    assert format_coins(coins) == text


@pytest.mark.parametrize(
    ("amount", "currency", "exponent", "text"),
    [(990, "USD", 2, "US$9.90"), (16000000, "IDR", 2, "Rp160,000"), (150, "JPY", 0, "¥150"), (5, "PLN", 2, "PLN 0.05")],
)
def test_prices_are_written_as_the_currency_is_used(amount, currency, exponent, text):
    assert format_price(amount, currency, exponent) == text


@pytest.mark.parametrize(
    ("amount", "exponent", "text"), [(16000000, 2, "160000"), (1607, 2, "16.07"), (150, 0, "150"), (1230, 3, "1.230")]
)
def test_an_amount_is_copied_as_a_banks_form_takes_it(amount, exponent, text):
    assert typed(amount, exponent) == text


@pytest.mark.parametrize(
    ("digits", "currencies"),
    [(0, "JPY CLP ISK"), (2, "USD IDR HUF"), (3, "KWD JOD BHD OMR TND IQD LYD"), (2, "BGN ???")],
)
def test_a_currency_has_the_decimals_that_iso_4217_gives_it(digits, currencies):
    assert [exponent(currency) for currency in currencies.split()] == [digits] * len(currencies.split())


@pytest.mark.django_db
def test_a_market_counts_its_currency_as_everybody_does():
    rows = Market.objects.values_list("currency", "exponent")
    assert all(digits == exponent(currency) for currency, digits in rows)


def test_micros_below_a_coin_are_shown_and_spent_coins_are_rounded_down():
    assert format_micros(350_000) == "0.35"
    assert format_micros(2_000_000) == "2"
    assert micros_to_coins_floor(1_999_999) == 1
