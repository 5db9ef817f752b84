"""Lists as CSV (RFC 4180), chosen by `Accept: text/csv`."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from django.http import StreamingHttpResponse
from rest_framework.renderers import BaseRenderer, JSONRenderer


class Csv(BaseRenderer):
    """Only chosen by its Accept header: the view streams."""

    media_type, format, charset = "text/csv", "csv", "utf-8"

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Mapping[str, Any] | None = None
    ) -> bytes:
        """A refusal: its problem, as JSON."""
        return bytes(JSONRenderer().render(data))


def as_file(name: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> StreamingHttpResponse:
    """The rows as a file called `name`, written while it is read."""
    answer = StreamingHttpResponse(_lines(columns, rows), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def _lines(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    yield _line(columns)
    for row in rows:
        yield _line(row)


def _line(values: Sequence[Any]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerow([_told(value) for value in values])
    return text.getvalue()


def _told(value: Any) -> Any:
    """What a spreadsheet would take for a formula stays a text (OWASP, CSV injection)."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return f"'{value}"
    return "" if value is None else value
