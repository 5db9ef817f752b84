"""`Idempotency-Key`: the same request twice gives the same answer (api.md; DESIGN.md 6.6)."""

import contextlib
import functools
import hashlib
import json
import re
from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.utils import timezone
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from promote.idempotency import answers
from promote.keys import keyring
from promote.refusals import Invalid, NotAuthenticated
from promote.rest.callers import caller_id
from promote.rest.parsers import read_object

REPLAYED = "Idempotent-Replayed"
_KEY = re.compile(r"[\x21-\x7e]{1,255}", re.ASCII)


class Idempotent:
    """Mixin for a Door whose POST moves money. Put it before Door.

    The key is looked at before the body is judged. The view runs in one transaction with its stored answer, under a
    lock of caller, call and key; only successes are stored, so a refused request may be mended and sent again.
    """

    post: Callable[..., Response]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)  # type: ignore[misc]  # a Door's
        if request.method == "POST":
            # dispatch() looks the handler up after this, on the instance first.
            self.post = functools.partial(once, self.post)


def once(handler: Callable[..., Response], request: Request, *args: Any, **kwargs: Any) -> Response:
    """Runs `handler`, or gives the answer that the same request had. Raises KeyMissing, KeyReused, InProgress."""
    who = caller_id(request)
    if who is None:
        raise NotAuthenticated
    call = answers.Call(caller=who, call=f"{request.method} {request.path}"[:500], key=key_of(request))
    hashes = _hashes(request)
    with transaction.atomic():
        stored = answers.find(call, body_hashes=hashes)
        if stored is not None:
            return Response(
                json.loads(stored.body) if stored.body else None, status=stored.status, headers={REPLAYED: "true"}
            )
        response = handler(request, *args, **kwargs)
        if response.status_code >= 400:
            transaction.set_rollback(True)
            return response
        body = JSONRenderer().render(response.data).decode()
        answers.keep(call, body_hash=hashes[0], status=response.status_code, body=body, now=timezone.now())
        return response


def key_of(request: Request) -> str:
    """The key of this request: 1 to 255 visible ASCII characters. Raises answers.KeyMissing, KeyMalformed."""
    given = request.headers.get("Idempotency-Key")
    if given is None:
        raise answers.KeyMissing
    key = given.strip()
    if not _KEY.fullmatch(key):  # the web server hands on as empty what has other characters than ASCII
        raise answers.KeyMalformed
    return key


def _hashes(request: Request) -> list[str]:
    """Of what the body means, so that its members may come in another order; of its bytes where it means nothing.

    Under each key of ours, the current one's first: a body may name a bank account, whose few digits could be guessed
    from a bare hash.
    """
    raw = request._request.body
    with contextlib.suppress(Invalid):
        raw = json.dumps(read_object(raw), sort_keys=True, separators=(",", ":")).encode()
    return keyring.digests("fields", hashlib.sha256(raw).hexdigest().encode())
