"""All documents of an account and year as one ZIP, written as it is read: never all of it in memory."""

import io
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime

from payments import documents
from payments.models import Invoice
from promote.accounts.models import Account
from promote.refusals import NotFound

FIRST_YEAR, LAST_YEAR = 2000, 9999


def years_of(account: Account) -> list[int]:
    """The years that the account has documents of, the last first: those of their numbers' series."""
    series = Invoice.objects.filter(account=account).order_by().values_list("series", flat=True).distinct()
    return sorted({int(key.rpartition(":")[2]) for key in series}, reverse=True)


def archive(*, account: Account, year: int, now: datetime) -> Iterator[bytes]:
    """The ZIP, piece by piece, each PDF under its number. Raises NotFound, at once, where the year has none."""
    rows = Invoice.objects.filter(account=account, series__key__endswith=f":{year:04d}").order_by("issued_at", "id")
    if not FIRST_YEAR <= year <= LAST_YEAR or not rows.exists():
        raise NotFound
    return _pieces(list(rows.values_list("id", "number", "issued_at")), now=now)


def _pieces(rows: list[tuple[object, str, datetime]], *, now: datetime) -> Iterator[bytes]:
    drain = _Drain()
    with zipfile.ZipFile(drain, "w", zipfile.ZIP_STORED) as file:  # a PDF is compressed already
        for invoice_id, number, issued_at in rows:
            entry = zipfile.ZipInfo(f"{number}.pdf", issued_at.astimezone(UTC).timetuple()[:6])
            file.writestr(entry, bytes(documents.of(invoice_id=invoice_id, now=now).pdf))  # type: ignore[arg-type]
            yield drain.taken()
    yield drain.taken()


class _Drain(io.RawIOBase):
    """Keeps what was written until it is taken."""

    def __init__(self) -> None:
        self._held, self._at = bytearray(), 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def write(self, data: object) -> int:
        piece = bytes(data)  # type: ignore[call-overload]
        self._held += piece
        self._at += len(piece)
        return len(piece)

    def taken(self) -> bytes:
        piece, self._held = bytes(self._held), bytearray()
        return piece
