from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from promote.catalogue.admin import AsThePlatformSaid
from promote.notifications.models import Notification
from promote.notifications.sentences import sentence


@admin.register(Notification)
class NotificationAdmin(AsThePlatformSaid):
    list_display = ("created_at", "account", "kind", "told")
    list_filter = ("kind",)
    list_select_related = ("account",)
    search_fields = ("=account__external_id", "=account__username")
    search_help_text = _("An account's external id or username.")
    date_hierarchy = "created_at"

    @admin.display(description=_("told"))
    def told(self, notification: Notification) -> str:
        return sentence(notification)
