"""Notices of payment providers in the admin: the dead and the refused are seen; any but these can be replayed."""

import json
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from payments import notices
from payments.admin import asking
from payments.admin.ledger import LookOnly
from payments.models import Notice, NoticeState
from promote.look_only import Waiting


@admin.register(Notice)
class NoticeAdmin(LookOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    to_do = Waiting(
        _("notices of payment providers given up"),
        "?state__exact=dead",
        lambda: Notice.objects.filter(state=NoticeState.DEAD).count(),
        is_bad=True,
    )
    list_display = ("received_at", "state", "gateway", "kind", "error", "reference", "attempts", "times_received")
    tones = {"state": {"waiting": "warn", "done": "good", "dead": "bad"}}
    list_filter = ("state", "gateway", "kind")
    search_fields = ("=event_id", "=reference", "=provider_ref")
    search_help_text = _("The provider's id of the event or page, or the id of our top-up.")
    fields = (
        ("gateway", "event_id", "kind"),
        ("reference", "provider_ref"),
        ("state", "attempts", "try_at", "done_at"),
        ("received_at", "times_received"),
        "error",
        "headers",
        "body",
    )
    readonly_fields = ("body",)
    ordering = ("-id",)
    actions = ("replay",)
    change_form_template = "admin/payments/row.html"

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.replay_one)
        return [path("<int:pk>/replay/", view, name="payments_notice_replay"), *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        row, tools = self.get_object(request, object_id), []
        if row is not None and row.state == NoticeState.DEAD and self.has_replay_permission(request):
            tools = [(_("Replay"), reverse("admin:payments_notice_replay", args=[row.pk]))]
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), "tools": tools})

    def replay_one(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Of a notice that was given up, once the reason is mended."""
        asking.allowed(request, "change_notice")
        row = get_object_or_404(Notice, pk=pk)
        back = reverse("admin:payments_notice_change", args=[row.pk])
        if request.method == "POST":
            self.replay(request, Notice.objects.filter(pk=row.pk))
            return redirect(back)
        facts = [(_("Notice"), row), (_("Given up after"), row.attempts), (_("Error"), row.error or "–")]
        said = _("It is worked on again as if it had come just now. What it brought before is not brought twice.")
        words = {"title": _("Replay this notice?"), "said": said, "button": _("Replay")}
        return asking.ask(self, request, forms.Form(), back=back, facts=facts, **words)

    @admin.display(description=_("body, as it came"))
    def body(self, notice: Notice) -> str:
        raw = bytes(notice.raw)
        try:
            text = json.dumps(json.loads(raw), indent=2, ensure_ascii=False)
        except ValueError:
            text = raw.decode("utf-8", "replace")
        return format_html("<pre>{}</pre>", text)

    def has_replay_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("payments.change_notice")

    @admin.action(description=_("Replay"), permissions=["replay"])
    def replay(self, request: HttpRequest, chosen: QuerySet[Notice]) -> None:
        count = notices.replay(notice_ids=list(chosen.values_list("id", flat=True)), now=timezone.now())
        told = ngettext("%d notice is worked on again.", "%d notices are worked on again.", count) % count
        messages.success(request, told)
