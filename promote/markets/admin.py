from django.contrib import admin

from promote.markets.models import CoinPack, Market, PaymentMethod, Term


class PaymentMethodInline(admin.TabularInline):
    model = PaymentMethod
    extra = 0


@admin.register(Market)
class MarketAdmin(admin.ModelAdmin):
    list_display = ("code", "currency", "functions", "tax_name", "tax_percent", "pausing_allowed")
    search_fields = ("code",)
    inlines = [PaymentMethodInline]


@admin.register(CoinPack)
class CoinPackAdmin(admin.ModelAdmin):
    list_display = ("market", "surface", "coins", "price_minor", "product_id")
    list_filter = ("surface", "market")


@admin.register(Term)
class TermAdmin(admin.ModelAdmin):
    list_display = ("code", "kind", "label", "remedy", "position")
    list_filter = ("kind",)
