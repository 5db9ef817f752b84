"""Purchases over a limit, in the admin: our staff looks at the account, and says what came of it."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from payments import limits
from payments.admin import asking
from payments.admin.ledger import LookOnly
from payments.models import LimitPassed
from promote.look_only import Waiting
from promote.money import format_coins


class NoteForm(forms.Form):
    note = forms.CharField(widget=forms.Textarea(attrs={"rows": 3}), max_length=500)


@admin.register(LimitPassed)
class LimitPassedAdmin(LookOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    to_do = Waiting(
        _("purchases over a limit"),
        "?seen_at__isempty=1",
        lambda: LimitPassed.objects.filter(seen_at=None).count(),
    )
    list_display = ("at", "account", "limit", "most", "coins", "top_up", "method", "seen_by", "note")
    fields = (("account", "top_up"), ("limit", "most", "coins"), "at", ("seen_at", "seen_by"), "note")
    list_filter = (("seen_at", admin.EmptyFieldListFilter), "limit")
    list_select_related = ("account", "top_up", "seen_by")
    search_fields = ("=account__external_id",)
    search_help_text = _("An account's external id.")
    ordering = ("-at",)
    change_form_template = "admin/payments/row.html"

    @admin.display(description=_("method"))
    def method(self, row: LimitPassed) -> str:
        return row.top_up.method

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.look_at)
        return [path("<int:pk>/seen/", view, name="payments_limitpassed_seen"), *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        row = self.get_object(request, object_id)
        tools = []
        if row is not None and row.seen_at is None and request.user.has_perm("payments.look_at_limitpassed"):
            tools = [(_("Say what came of it"), reverse("admin:payments_limitpassed_seen", args=[row.pk]))]
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), "tools": tools})

    def look_at(self, request: HttpRequest, pk: int) -> HttpResponse:
        asking.allowed(request, "look_at_limitpassed")
        row = get_object_or_404(LimitPassed.objects.select_related("account"), pk=pk)
        back = reverse("admin:payments_limitpassed_change", args=[row.pk])
        form = NoteForm(asking.sent(request))
        if request.method == "POST" and form.is_valid():
            asked = {"note": form.cleaned_data["note"], "by": asking.staff(request), "now": timezone.now()}
            if asking.done(form, lambda: limits.looked_at(passed_id=row.pk, **asked)):
                messages.success(request, _("Written down."))
                return redirect(back)
        facts = [(_("Account"), row.account), (_("Bought"), format_coins(row.coins)), (_("Limit"), row.limit)]
        words = {"title": _("What came of this purchase?"), "button": _("Write it down")}
        return asking.ask(self, request, form, back=back, facts=facts, **words)
