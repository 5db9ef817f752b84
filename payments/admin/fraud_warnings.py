"""Early warnings of fraud: to look at."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from payments.admin.ledger import LookOnly
from payments.models import FraudWarning
from promote.look_only import money


@admin.register(FraudWarning)
class FraudWarningAdmin(LookOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("opened_at", "status", "reason", "amount", "top_up", "gateway", "ref")
    list_filter = ("status", "gateway")
    list_select_related = ("top_up",)
    search_fields = ("=ref", "=payment_ref")
    ids_searched = {"top": "top_up_id"}
    search_help_text = _("The provider's id of the warning or payment, or the id of our top-up.")
    ordering = ("-opened_at",)

    @admin.display(description=_("amount"))
    def amount(self, warning: FraudWarning) -> str:
        return money(warning.amount_minor, warning.currency)
