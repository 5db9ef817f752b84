"""Signing in: by name and password, or by the one-time link that the platform made."""

from django.contrib import auth
from django.contrib.auth.forms import AuthenticationForm
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from promote.accounts.models import Account, User
from promote.front import attempts
from promote.front.doors import safe_next
from promote.keys import links
from promote.refusals import Refusal

BACKEND = "django.contrib.auth.backends.ModelBackend"


@sensitive_post_parameters("password")
@never_cache
@require_http_methods(["GET", "POST"])
def login(request: HttpRequest) -> HttpResponse:
    onwards = safe_next(request, request.POST.get("next") or request.GET.get("next"), "")
    if request.method == "GET":
        if request.user.is_authenticated:
            return redirect(onwards or "/")
        return render(request, "pages/login.html", {"form": _form(request), "next": onwards})
    username, address = request.POST.get("username", ""), request.META.get("REMOTE_ADDR", "")
    form = _form(request, request.POST)
    try:
        attempts.check(username=username, address=address)
    except Refusal as refusal:
        shown = {"form": _form(request), "next": onwards, "refusal": refusal, "username": username}
        return render(request, "pages/login.html", shown, status=refusal.status)
    if not form.is_valid():
        attempts.failed(username=username, address=address)
        return render(request, "pages/login.html", {"form": form, "next": onwards}, status=422)
    attempts.succeeded(username=username, address=address)
    user = form.get_user()
    auth.login(request, user)
    return redirect(onwards or _home(user))


def _form(request: HttpRequest, data: object = None) -> AuthenticationForm:
    form = AuthenticationForm(request, data=data)
    for field in form.fields.values():
        field.widget.attrs["class"] = "input"
    form.fields["username"].widget.attrs.update({"autocapitalize": "none", "spellcheck": "false"})
    return form


def _home(user: object) -> str:
    return reverse("admin:index") if getattr(user, "is_staff", False) else reverse("pages:central")


@require_POST
def logout(request: HttpRequest) -> HttpResponse:
    auth.logout(request)
    return redirect("pages:login")


@never_cache
@require_http_methods(["GET", "POST"])
def sign_in(request: HttpRequest, token: str) -> HttpResponse:
    """Opening shows one button; only pressing it uses the link up, so that a preview of the address signs nobody in."""
    now = timezone.now()
    try:
        if request.method == "GET":
            return render(request, "pages/sign_in.html", {"who": links.look(token, now=now).account})
        user = user_of(links.redeem(token, now=now))
    except Refusal as refusal:
        return render(request, "pages/sign_in.html", {"refusal": refusal}, status=410)
    auth.login(request, user, backend=BACKEND)
    return redirect("pages:central")


def user_of(account: Account) -> User:
    """The user who signs in for this account, made at the first visit and without a password."""
    if account.user is not None:
        return account.user
    with transaction.atomic():
        user, is_new = User.objects.get_or_create(username=account.public_id)
        if is_new:
            user.set_unusable_password()
            user.save(update_fields=["password"])
        Account.objects.filter(id=account.id, user=None).update(user=user)
    return user
