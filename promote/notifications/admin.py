from django.contrib import admin

from promote.catalogue.admin import AsThePlatformSaid
from promote.notifications.models import Notification
from promote.notifications.sentences import sentence


@admin.register(Notification)
class NotificationAdmin(AsThePlatformSaid):
    list_display = ("created_at", "account", "kind", "told")
    list_filter = ("kind",)

    @admin.display
    def told(self, notification: Notification) -> str:
        return sentence(notification)
