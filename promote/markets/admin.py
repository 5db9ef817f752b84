from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from promote.look_only import ReadsWell, money
from promote.markets.models import CoinPack, Market, MoneyLimit, PaymentMethod, TaxRate, Term


class PaymentMethodInline(ReadsWell, admin.TabularInline):
    model = PaymentMethod
    extra = 0


class TaxRateInline(admin.TabularInline):
    model = TaxRate
    extra = 0


@admin.register(Market)
class MarketAdmin(ReadsWell, admin.ModelAdmin):
    list_display = ("code", "currency", "functions", "tax_name", "tax_percent", "pausing_allowed")
    ordering = ("code",)
    search_fields = ("code",)
    inlines = [TaxRateInline, PaymentMethodInline]


@admin.register(CoinPack)
class CoinPackAdmin(ReadsWell, admin.ModelAdmin):
    list_display = ("market", "surface", "coins", "price", "product_id")
    list_filter = ("surface", "market")
    list_select_related = ("market",)
    ordering = ("market", "surface", "coins")
    search_fields = ("product_id",)
    search_help_text = _("The store's product id.")

    @admin.display(description=_("price"), ordering="price_minor")
    def price(self, pack: CoinPack) -> str:
        return money(pack.price_minor, pack.market.currency)


@admin.register(MoneyLimit)
class MoneyLimitAdmin(admin.ModelAdmin):
    list_display = ("name", "of", "flow", "counts", "most", "window", "younger_than_days", "beyond", "enabled")
    list_filter = ("flow", "counts", "market")

    @admin.display(description=_("within"), ordering="window_s")
    def window(self, limit: MoneyLimit) -> str:
        hours, rest_s = divmod(limit.window_s, 3600)
        if rest_s:
            return ngettext("%d minute", "%d minutes", limit.window_s // 60) % (limit.window_s // 60)
        return ngettext("%d hour", "%d hours", hours) % hours

    @admin.display(description=_("market"), ordering="market")
    def of(self, limit: MoneyLimit) -> str:
        return limit.market_id or str(_("all others"))


@admin.register(Term)
class TermAdmin(admin.ModelAdmin):
    list_display = ("code", "kind", "label", "remedy", "position")
    list_filter = ("kind",)
