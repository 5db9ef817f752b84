"""The plumbing of every REST door: who is calling, what a body may be, how a refusal looks, how a list is paged.

A door is a `views.Door`: it parses with a `shapes.Shape`, calls one use case, answers. Everything else is here, once.
None of these modules imports `rest_framework.views`, which itself loads our defaults while it is being imported.
"""

from promote.rest.authentication import ApiKey, Bearer, Session
from promote.rest.callers import account_of, caller, caller_id
from promote.rest.idempotency import Idempotent
from promote.rest.pagination import page, page_of
from promote.rest.permissions import Advertiser, Open, scopes

__all__ = [
    "Advertiser",
    "ApiKey",
    "Bearer",
    "Idempotent",
    "Open",
    "Session",
    "account_of",
    "caller",
    "caller_id",
    "page",
    "page_of",
    "scopes",
]
