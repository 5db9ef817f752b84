"""What was refused at the providers' door: to look at."""

from django.contrib import admin

from payments.admin.ledger import LookOnly
from payments.models import Refused


@admin.register(Refused)
class RefusedAdmin(LookOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("day", "gateway", "reason", "times", "last_at", "last")
    list_filter = ("gateway", "reason")
    date_hierarchy = "day"
    ordering = ("-day", "gateway", "reason")
