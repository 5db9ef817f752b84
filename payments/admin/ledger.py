"""The ledger in the admin: to look at, never to change. What went wrong is mended by another journal."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import F, Model, Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext_lazy as _

from payments import checkpoints, currencies, ledger
from payments.models import AccountKind, Gift, Journal, LedgerAccount, Lot, TopUp, Transfer
from promote import look_only
from promote.accounts.models import Account

_CURRENCIES = {number: code for code, number in currencies.NUMBERS.items()}


class LookOnly(look_only.LookOnly):
    """Nobody adds, changes or deletes here; long lists are not counted whole."""

    show_full_result_count = False
    list_per_page = 50


class TransferLines(LookOnly, admin.TabularInline):  # type: ignore[type-arg]
    model = Transfer
    fields = ("seq", "from_account", "to_account", "shown_amount")
    readonly_fields = fields
    ordering = ("seq",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Transfer]:
        return super().get_queryset(request).select_related("debit", "credit")

    @admin.display(description=_("from"))
    def from_account(self, transfer: Transfer) -> str:
        return _link(transfer.debit)

    @admin.display(description=_("to"))
    def to_account(self, transfer: Transfer) -> str:
        return _link(transfer.credit)

    @admin.display(description=_("amount"))
    def shown_amount(self, transfer: Transfer) -> str:
        return _amount(transfer.amount, transfer.ledger)


@admin.register(Journal)
class JournalAdmin(LookOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("id", "created_at", "kind", "ref", "key")
    list_filter = ("kind",)
    search_fields = ("=key", "=ref")
    search_help_text = _("A whole key, or a whole reference: of an order, top-up, gift or lot.")
    fields = ("id", "created_at", "kind", "ref", "key", "xid")
    ordering = ("-id",)
    inlines = (TransferLines,)


class Standing(admin.SimpleListFilter):
    """Most accounts are empty: of all debts, those that somebody owes."""

    title, parameter_name = _("balance"), "standing"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("owed", _("Owed by an account")), ("some", _("Something on it"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == "owed":
            return queryset.filter(kind=AccountKind.DEBT, debits__gt=F("credits"))
        return queryset.exclude(debits=F("credits")) if self.value() == "some" else queryset


class AccountList(ChangeList):
    """Reads the balances of a page's hot accounts at once."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        rows = list(self.result_list)
        found = checkpoints.balances([row.pk for row in rows if row.hot])
        for row in rows:
            row.hot_balance = found.get(row.pk)
        self.result_list = rows


@admin.register(LedgerAccount)
class LedgerAccountAdmin(LookOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("id", "kind", "code", "unit", "shown_balance", "closed")
    list_filter = (Standing, "kind", "ledger", "closed")
    search_fields = ("=code",)
    search_help_text = _("A code (order:…, debt:…, spend), or an account's external id.")
    fields = ("id", "kind", "code", "unit", "guard", "hot", "closed", "shown_balance", "of_account", "last_transfers")
    readonly_fields = ("unit", "shown_balance", "of_account", "last_transfers")
    ordering = ("-id",)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return AccountList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        if not search_term:
            return queryset, False
        owners = Account.objects.filter(external_id=search_term).values("id")
        return queryset.filter(Q(code=search_term) | Q(owner__in=owners)), False

    @admin.display(description=_("in"), ordering="ledger")
    def unit(self, account: LedgerAccount) -> str:
        return _CURRENCIES.get(account.ledger) or str(_("coins"))

    @admin.display(description=_("balance"))
    def shown_balance(self, account: LedgerAccount) -> str:
        if not account.hot:
            return _amount(account.balance, account.ledger)
        listed: int | None = getattr(account, "hot_balance", None)
        return _amount(checkpoints.balance(account.id) if listed is None else listed, account.ledger)

    @admin.display(description=_("account"))
    def of_account(self, account: LedgerAccount) -> str:
        owner = account.owner and Account.objects.filter(id=account.owner).first()
        return _link(owner) if owner else "–"

    @admin.display(description=_("last transfers"))
    def last_transfers(self, account: LedgerAccount) -> str:
        rows = Transfer.objects.select_related("journal", "debit", "credit")
        rows = rows.filter(Q(debit=account) | Q(credit=account)).order_by("-id")[:30]
        lines = format_html_join("", "{}", ((_line(transfer, account),) for transfer in rows))
        return format_html("<table>{}</table>", lines) if lines else "–"


@admin.register(Lot)
class LotAdmin(LookOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = (
        "public_id",
        "account",
        "origin",
        "coins",
        "left",
        "paid",
        "opened_at",
        "expires_at",
    )
    list_filter = ("origin", "currency")
    list_select_related = ("account", "ledger_account")
    search_fields = ("=account__external_id", "=account__username")
    ids_searched = {"lot": "id"}
    search_help_text = _("A lot's id (lot_…), or an account's external id or username.")
    ordering = ("-opened_at",)
    date_hierarchy = "opened_at"

    fields = (
        ("public_id", "account"),
        ("origin", "coins", "left", "withdrawable"),
        ("paid", "payment"),
        ("opened_at", "expires_at"),
        ("opening", "ledger_account"),
        "reason",
    )
    readonly_fields = ("public_id", "left", "paid", "payment")

    @admin.display(description=_("paid"), ordering="paid_minor")
    def paid(self, lot: Lot) -> str:
        return look_only.money(lot.paid_minor, lot.currency) if lot.currency else "–"

    @admin.display(description=_("top-up"))
    def payment(self, lot: Lot) -> str:
        top_up = lot.top_up and TopUp.objects.filter(id=lot.top_up).first()
        return _link(top_up) if top_up else "–"

    @admin.display(description=_("left"))
    def left(self, lot: Lot) -> str:
        return _amount(lot.ledger_account.balance, ledger.COINS)


@admin.register(Gift)
class GiftAdmin(LookOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("reference", "account", "coins", "live", "given_at")
    list_select_related = ("account",)
    search_fields = ("=reference", "=account__external_id", "=live")
    ordering = ("-given_at",)


def _amount(units: int, of_ledger: int) -> str:
    """Coins with two decimals, cut; money of a currency."""
    currency = _CURRENCIES.get(of_ledger)
    return look_only.money(units, currency) if currency else look_only.coins(units)


def _line(transfer: Transfer, account: LedgerAccount) -> str:
    other, sign = (transfer.credit, "−") if transfer.debit_id == account.id else (transfer.debit, "+")
    return format_html(
        '<tr><td class="nowrap">{}</td><td>{}</td><td>{}</td><td>{}{}</td></tr>',
        f"{transfer.created_at:%Y-%m-%d %H:%M:%S}",
        _link(transfer.journal),
        _link(other),
        sign,
        _amount(transfer.amount, transfer.ledger),
    )


def _link(row: Model) -> str:
    name = f"admin:{row._meta.app_label}_{row._meta.model_name}_change"
    return format_html('<a href="{}">{}</a>', reverse(name, args=[row.pk]), row)
