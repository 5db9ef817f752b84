from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.http import HttpRequest

from promote.accounts.models import Account, User

admin.site.register(User, UserAdmin)

OURS = {"user", "order_max_coins"}
"""What staff may change of an account; the rest is the platform's word."""


@admin.register(Account)
class AccountAdmin(admin.ModelAdmin):
    list_display = ("username", "external_id", "type", "country", "restricted")
    list_filter = ("type", "country", "restricted")
    search_fields = ("username", "external_id")
    autocomplete_fields = ("user",)

    def get_readonly_fields(self, request: HttpRequest, obj: Account | None = None) -> list[str]:
        return [field.name for field in Account._meta.fields if field.name not in OURS]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Account | None = None) -> bool:
        return False
