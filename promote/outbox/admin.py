from django.contrib import admin
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from promote.look_only import LookOnly, pill
from promote.outbox.models import Message
from promote.outbox.relay import replay


@admin.register(Message)
class MessageAdmin(LookOnly, admin.ModelAdmin):
    list_display = ("id", "topic", "state", "created_at", "done_at", "attempts", "error")
    list_filter = ("dead", ("done_at", admin.EmptyFieldListFilter), "topic")
    ordering = ("-id",)
    show_full_result_count = False
    actions = ["put_back"]

    @admin.display(description=_("state"), ordering="dead")
    def state(self, message: Message) -> SafeString:
        if message.dead:
            return pill(_("Given up"), "bad")
        return pill(_("Done"), "good") if message.done_at else pill(_("Waiting"), "warn")

    @admin.action(description=_("Put back in line"), permissions=["view"])
    def put_back(self, request: HttpRequest, messages) -> None:
        count = replay(message_ids=list(messages.values_list("id", flat=True)))
        self.message_user(request, _("%(count)s put back in line.") % {"count": count})
