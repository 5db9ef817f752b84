"""What every page for advertisers has in common: who it is for, and where it may lead back to."""

import functools
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, cast

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.http import url_has_allowed_host_and_scheme

from promote.accounts.models import Account
from promote.front.context import account_of
from promote.refusals import NotFound

P = ParamSpec("P")


class AdvertiserRequest(HttpRequest):
    """A request whose reader has an account; `advertiser` sees to it."""

    account: Account
    htmx: Any


View = Callable[Concatenate[AdvertiserRequest, P], HttpResponse]


def advertiser(view: View[P]) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
    """Lets in who is signed in and has an account; shows staff the way to their own pages."""

    @functools.wraps(view)
    def door(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        account = account_of(request)
        if account is None:
            return render(request, "pages/staff.html")
        request.account = account  # type: ignore[attr-defined]
        try:
            response = view(cast("AdvertiserRequest", request), *args, **kwargs)
        except NotFound as refusal:
            raise Http404(refusal.code) from refusal
        # Balances and orders are nobody else's: no shared cache, and no stale page behind the back button.
        response.headers.setdefault("Cache-Control", "private, no-store")
        return response

    return cast("Callable[Concatenate[HttpRequest, P], HttpResponse]", login_required(door))


def safe_next(request: HttpRequest, address: str | None, otherwise: str) -> str:
    """`address` where it is a page of ours, else `otherwise`."""
    if address and url_has_allowed_host_and_scheme(
        address, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    ):
        return address
    return otherwise
