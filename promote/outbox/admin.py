from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from promote.outbox.models import Message
from promote.outbox.relay import replay


@admin.register(Message)
class MessageAdmin(admin.ModelAdmin):
    list_display = ("id", "topic", "created_at", "done_at", "attempts", "dead", "error")
    list_filter = ("dead", "topic")
    actions = ["put_back"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Message | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Message | None = None) -> bool:
        return False

    @admin.action(description=_("Put back in line"), permissions=["view"])
    def put_back(self, request: HttpRequest, messages) -> None:
        count = replay(message_ids=list(messages.values_list("id", flat=True)))
        self.message_user(request, _("%(count)s put back in line.") % {"count": count})
