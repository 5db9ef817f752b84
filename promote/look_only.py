"""Admin pages whose rows are made elsewhere: staff reads them."""

from typing import Any

from django.http import HttpRequest


class LookOnly:
    """Nobody adds, changes or deletes here. Put it before ModelAdmin, or an inline."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
