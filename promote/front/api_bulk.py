"""Many upserts in one call: NDJSON in, NDJSON out, a line each, in the same order. A bad line stops no other."""

import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

from django.db import InterfaceError, OperationalError
from django.http import StreamingHttpResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from promote.front import api_catalogue
from promote.problems import TooLarge, document
from promote.refusals import FieldError, Invalid, Refusal
from promote.rest import scopes
from promote.rest.fields import ExternalIdField, Shape, StrictChoiceField
from promote.rest.parsers import read_object
from promote.rest.problems import as_refusal
from promote.rest.views import Door

log = logging.getLogger("promote.bulk")

BYTES_MAX = 10_000_000
LINES_MAX = 10_000
LINE_BYTES_MAX = 100_000
NDJSON = "application/x-ndjson"

Put = Callable[..., Any]
KINDS: dict[str, tuple[type[Shape], Put]] = {
    "account": (api_catalogue.AccountIn, api_catalogue.put_account),
    "video": (api_catalogue.VideoIn, api_catalogue.put_video),
    "live": (api_catalogue.LiveIn, api_catalogue.put_live),
}


class Head(Shape):
    kind = StrictChoiceField(choices=sorted(KINDS))
    external_id = ExternalIdField()


class TooManyLines(TooLarge):
    sentence = _("A bulk takes up to 10,000 lines and 10 MB; nothing was changed. Send it in parts.")


class LineTooLong(Invalid):
    def __init__(self) -> None:
        super().__init__([FieldError("", "too_large", _("A line has up to 100 kB."))])


class Bulk(Door):
    permission_classes = [scopes("catalogue")]

    @extend_schema(
        operation_id="bulk",
        request={NDJSON: OpenApiTypes.STR},
        responses={(200, NDJSON): OpenApiTypes.STR},
        description="A JSON object a line: `kind` (account, video, live), `external_id`, and the fields of its PUT. "
        "The answer has a line for each: `line status(created|updated|stale|invalid) id errors`.",
    )
    def post(self, request: Request) -> StreamingHttpResponse:
        body = request._request.read(BYTES_MAX + 1)
        lines = body.split(b"\n")
        if len(body) > BYTES_MAX or len(lines) > LINES_MAX + 1:
            raise TooManyLines
        return StreamingHttpResponse(_results(lines), content_type=NDJSON)


def _results(lines: list[bytes]) -> Iterator[str]:
    for number, raw in enumerate(lines, start=1):
        if raw.strip():
            yield json.dumps({"line": number, **_put(raw)}, ensure_ascii=False) + "\n"


def _put(raw: bytes) -> dict[str, Any]:
    """What became of one line."""
    try:
        if len(raw) > LINE_BYTES_MAX:
            raise LineTooLong
        facts = read_object(raw)
        head = Head.check(facts)
        shape, put = KINDS[head["kind"]]
        synced = put(head["external_id"], shape.check(facts), timezone.now())
    except (Refusal, ValidationError) as error:
        return _refused(as_refusal(error))
    except (OperationalError, InterfaceError):
        # The database is away: the stream ends here, and what has no result was not taken.
        raise
    except Exception as error:
        log.exception("a line of a bulk broke")
        return _refused(as_refusal(error))
    return {"status": synced.outcome, "id": synced.row.public_id, "errors": []}


def _refused(refusal: Refusal) -> dict[str, Any]:
    problem = document(refusal)
    errors = problem.get("errors") or [{"field": "", "code": problem["code"], "detail": problem["detail"]}]
    return {"status": "invalid", "id": None, "errors": errors}
