from itertools import pairwise

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.forms.formsets import DELETION_FIELD_NAME
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from promote.look_only import ReadsWell, money
from promote.markets.models import CoinPack, Market, MoneyLimit, PaymentMethod, PayoutBank, TaxRate, Term


class PaymentMethodInline(ReadsWell, admin.TabularInline):
    model = PaymentMethod
    extra = 0


class TaxRateForm(forms.ModelForm):
    def validate_constraints(self) -> None:
        """Not row by row against what is stored: one may make room for another. The rows are looked at together."""


class TaxRateFormSet(forms.BaseInlineFormSet):
    def clean(self) -> None:
        super().clean()
        rows = [form.instance for form in self.forms if self._counts(form)]
        for row in rows:
            if row.valid_to and row.valid_to < row.valid_from:
                raise ValidationError(_("The tax from %s ends before it begins.") % row.valid_from)
        rows.sort(key=lambda row: row.valid_from)
        for row, following in pairwise(rows):
            if row.valid_to is None or row.valid_to >= following.valid_from:
                told = _("The tax from %(first)s still holds on %(day)s, when another begins: end it the day before.")
                raise ValidationError(told % {"first": row.valid_from, "day": following.valid_from})

    def _counts(self, form: forms.ModelForm) -> bool:
        return form.is_valid() and bool(form.cleaned_data) and not form.cleaned_data.get(DELETION_FIELD_NAME)


class TaxRateInline(admin.TabularInline):
    model = TaxRate
    form = TaxRateForm
    formset = TaxRateFormSet
    extra = 0


@admin.register(Market)
class MarketAdmin(ReadsWell, admin.ModelAdmin):
    list_display = ("code", "currency", "functions", "tax_name", "tax_percent", "pausing_allowed")
    ordering = ("code",)
    search_fields = ("code",)
    inlines = [TaxRateInline, PaymentMethodInline]


@admin.register(PayoutBank)
class PayoutBankAdmin(admin.ModelAdmin):
    list_display = ("name", "code", "market", "min_digits", "max_digits", "enabled")
    list_filter = ("market", "enabled")
    search_fields = ("name", "=code")


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
