from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from promote.keys import platform_keys
from promote.keys.models import PlatformKey


@admin.register(PlatformKey)
class PlatformKeyAdmin(admin.ModelAdmin):
    """Keys are made by the command `create_platform_key`, which shows them once; here they are seen and ended."""

    list_display = ("name", "prefix", "scopes", "created_at", "last_used_at", "revoked_at")
    search_fields = ("name", "prefix")
    actions = ["revoke"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: PlatformKey | None = None) -> bool:
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: PlatformKey | None = None) -> list[str]:
        return [field.name for field in PlatformKey._meta.fields]

    def get_fields(self, request: HttpRequest, obj: PlatformKey | None = None) -> list[Any]:
        return [field.name for field in PlatformKey._meta.fields if field.name != "sha256"]

    @admin.action(description=_("Revoke"), permissions=["change"])
    def revoke(self, request: HttpRequest, keys: QuerySet[PlatformKey]) -> None:
        ended = sum(platform_keys.revoke(key_id=key.id, now=timezone.now()) for key in keys)
        self.message_user(request, _("%d keys were revoked.") % ended)
