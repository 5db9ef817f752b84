"""What finance's own pages have in common: a form that asks, one call, and a refusal told beside it."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib.admin import ModelAdmin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from promote.accounts.models import User
from promote.refusals import Invalid, Refusal


class ReasonForm(forms.Form):
    reason = forms.CharField(widget=forms.Textarea(attrs={"rows": 3}), max_length=500)


def sent(request: HttpRequest) -> Any:
    """What was sent, for a form; None for one that is only shown."""
    return request.POST if request.method == "POST" else None


def staff(request: HttpRequest) -> User:
    """Who is at the desk. The admin site let nobody else in."""
    assert isinstance(request.user, User)
    return request.user


def allowed(request: HttpRequest, permission: str) -> None:
    if not request.user.has_perm(f"payments.{permission}"):
        raise PermissionDenied


def done(form: forms.Form, work: Callable[[], Any]) -> bool:
    """Whether the use case did it; its refusal stands in the form."""
    try:
        work()
    except Invalid as refusal:
        for error in refusal.errors:
            form.add_error(error.field if error.field in form.fields else None, str(error.detail))
        return False
    except Refusal as refusal:
        form.add_error(None, refusal.detail)
        return False
    return True


def ask(admin: "ModelAdmin[Any]", request: HttpRequest, form: forms.Form, **words: Any) -> HttpResponse:
    """The page of a form: `title`, `button`, `back` (an address), `facts` (name, value)."""
    context = {
        **admin.admin_site.each_context(request),
        "opts": admin.model._meta,
        "media": admin.media + form.media,
        "form": form,
        **words,
    }
    return render(request, "admin/payments/ask.html", context, status=422 if form.errors else 200)
