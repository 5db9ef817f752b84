"""A bank's CSV, read by the mapping on its account: each bank names and writes its columns in its own way."""

import csv
import io
from collections.abc import Iterator, Mapping
from datetime import datetime

from django.utils.translation import gettext_lazy as _

from payments.bank.rows import Row, unreadable
from payments.gateways.amounts import to_minor
from payments.models import BankAccount


def read(raw: bytes, *, account: BankAccount) -> Iterator[Row]:
    """Raises Invalid (`file`), with the line's number and what its column holds."""
    try:
        text = raw.decode(account.csv_encoding)
    except (UnicodeDecodeError, LookupError):
        raise unreadable(
            _("This file is not in %s. Set the encoding on the bank account.") % account.csv_encoding
        ) from None
    if "\0" in text:
        raise unreadable(_("This is no CSV file."))
    lines = text.splitlines(keepends=True)[account.csv_skip_lines :]
    if not any(line.strip() for line in lines):
        raise unreadable(_("This file has no lines."))
    reader = csv.DictReader(io.StringIO("".join(lines)), delimiter=account.csv_delimiter, strict=True)
    try:
        _check_head([name.strip() for name in reader.fieldnames or ()], account)
        for number, found in enumerate(reader, account.csv_skip_lines + 2):
            cells = {
                (name or "").strip(): (cell or "").strip() for name, cell in found.items() if isinstance(cell, str)
            }
            if any(cells.values()):
                yield _row(cells, account, number)
    except csv.Error as error:
        raise unreadable(
            _("Line %(number)s is no CSV: %(error)s.") % {"number": reader.line_num, "error": error}
        ) from None


def _check_head(names: list[str], account: BankAccount) -> None:
    wanted = [account.csv_date, account.csv_amount, *_texts(account)]
    wanted += [
        account.csv_amount_out,
        account.csv_currency,
        account.csv_payer,
        account.csv_payer_account,
        account.csv_ref,
    ]
    missing = [name for name in wanted if name and name not in names]
    if missing:
        told = _("There is no column “%(missing)s”; this file has: %(names)s. Set the mapping on the bank account.")
        raise unreadable(told % {"missing": ", ".join(missing), "names": ", ".join(names) or "–"})


def _row(cells: Mapping[str, str], account: BankAccount, number: int) -> Row:
    currency = cells[account.csv_currency].upper() if account.csv_currency else account.market.currency
    try:
        booked_on = datetime.strptime(cells[account.csv_date], account.csv_date_format).date()  # noqa: DTZ007  a day
        amount = _amount(cells[account.csv_amount], account, currency)
        if account.csv_amount_out:
            amount -= abs(_amount(cells[account.csv_amount_out], account, currency))
    except ValueError as error:
        raise unreadable(_("Line %(number)s: %(error)s.") % {"number": number, "error": error}) from None
    return Row(
        ref=cells[account.csv_ref][:128] if account.csv_ref else "",
        booked_on=booked_on,
        amount_minor=amount,
        currency=currency,
        text="\n".join(filter(None, (cells[name] for name in _texts(account))))[:2000],
        payer=cells[account.csv_payer][:200] if account.csv_payer else "",
        payer_account=cells[account.csv_payer_account][:64] if account.csv_payer_account else "",
    )


def _amount(text: str, account: BankAccount, currency: str) -> int:
    """`1.234,50`, `-1,234.50`, `1 234.50 CR`; empty is 0. Raises ValueError."""
    digits = text.upper().replace(currency, "").removeprefix("RP").strip()
    is_out = digits.startswith(("-", "(")) or digits.endswith(("-", "DB", "DR"))
    digits = "".join(sign for sign in digits if sign.isdigit() or sign == account.csv_decimal_mark)
    if not digits:
        if text.strip(" -"):
            raise ValueError(f"not an amount: {text[:40]!r}")
        return 0
    minor = to_minor(digits.replace(account.csv_decimal_mark, "."), currency)
    return -minor if is_out else minor


def _texts(account: BankAccount) -> list[str]:
    return [name.strip() for name in account.csv_texts.split(",") if name.strip()]
