"""How the pages look: the theme switch, and the styleguide with every part in its states."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import translation
from django.views.decorators.http import require_GET, require_POST

from promote.front import styleguide
from promote.front.context import THEMES
from promote.front.doors import safe_next

A_YEAR_S = 31_536_000


@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    chosen = request.POST.get("theme")
    response = redirect(safe_next(request, request.POST.get("next"), "/"))
    if chosen in THEMES:
        response.set_cookie(
            "theme", chosen, max_age=A_YEAR_S, samesite="Lax", secure=request.is_secure(), httponly=True
        )
    return response


@require_GET
def guide(request: HttpRequest) -> HttpResponse:
    """`?dir=rtl` turns the page around, as Arabic and Hebrew readers see it."""
    turned = request.GET.get("dir") == "rtl"
    with translation.override("ar" if turned else translation.get_language()):
        return render(request, "pages/styleguide.html", {**styleguide.cases(), "turned": turned})
