"""Notices of payment providers in the admin: the dead and the refused are seen; any but these can be replayed."""

import json

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from payments import notices
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
    list_display = ("received_at", "gateway", "kind", "reference", "state", "attempts", "times_received", "error")
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
