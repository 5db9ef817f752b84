from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from promote.markets.models import CoinPack, Market, MoneyLimit, PaymentMethod, TaxRate, Term


class PaymentMethodInline(admin.TabularInline):
    model = PaymentMethod
    extra = 0


class TaxRateInline(admin.TabularInline):
    model = TaxRate
    extra = 0


@admin.register(Market)
class MarketAdmin(admin.ModelAdmin):
    list_display = ("code", "currency", "functions", "tax_name", "tax_percent", "pausing_allowed")
    search_fields = ("code",)
    inlines = [TaxRateInline, PaymentMethodInline]


@admin.register(CoinPack)
class CoinPackAdmin(admin.ModelAdmin):
    list_display = ("market", "surface", "coins", "price_minor", "product_id")
    list_filter = ("surface", "market")
    search_fields = ("product_id",)
    search_help_text = _("The store's product id.")


@admin.register(MoneyLimit)
class MoneyLimitAdmin(admin.ModelAdmin):
    list_display = ("name", "of", "flow", "counts", "most", "window_s", "younger_than_days", "beyond", "enabled")
    list_filter = ("flow", "counts", "market")

    @admin.display(description=_("market"), ordering="market")
    def of(self, limit: MoneyLimit) -> str:
        return limit.market_id or str(_("all others"))


@admin.register(Term)
class TermAdmin(admin.ModelAdmin):
    list_display = ("code", "kind", "label", "remedy", "position")
    list_filter = ("kind",)
