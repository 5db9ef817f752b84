"""Money that goes back, in the admin: withdrawals, which staff lets go where they are large, and returns."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from payments import billing, debts, payout_accounts, withdrawals
from payments import payers as payers_told
from payments.admin import asking
from payments.admin.ledger import LookOnly
from payments.models import (
    PaymentReturn,
    ReturnState,
    Withdrawal,
    WithdrawalLeg,
    WithdrawalStatus,
    WithdrawalTransition,
)
from promote.look_only import Waiting, money
from promote.money import format_coins, micros_to_coins_ceil


class Legs(LookOnly, admin.TabularInline):  # type: ignore[type-arg]
    model = WithdrawalLeg
    tones = {"state": {"submitted": "accent", "succeeded": "good", "failed": "bad"}}
    fields = readonly_fields = (
        "seq",
        "coins",
        "price",
        "payment",
        "to",
        "state",
        "failure",
        "provider_ref",
        "check_at",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[WithdrawalLeg]:
        return super().get_queryset(request).select_related("returned__top_up", "payout_account")

    @admin.display(description=_("money"))
    def price(self, leg: WithdrawalLeg) -> str:
        return money(leg.returned.amount_minor, leg.returned.currency)

    @admin.display(description=_("payment"))
    def payment(self, leg: WithdrawalLeg) -> str:
        return f"{leg.returned.top_up} ({leg.returned.top_up.method})"

    @admin.display(description=_("to"))
    def to(self, leg: WithdrawalLeg) -> str:
        return str(leg.payout_account or _("as it was paid"))

    @admin.display(description=_("at the provider"))
    def provider_ref(self, leg: WithdrawalLeg) -> str:
        return leg.returned.provider_ref or "–"


class Transitions(LookOnly, admin.TabularInline):  # type: ignore[type-arg]
    model = WithdrawalTransition
    fields = readonly_fields = ("at", "from_status", "to_status", "why", "by")


@admin.register(Withdrawal)
class WithdrawalAdmin(LookOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    to_do = Waiting(
        _("withdrawals to let go"),
        f"?status__exact={WithdrawalStatus.IN_REVIEW}",
        lambda: Withdrawal.objects.filter(status=WithdrawalStatus.IN_REVIEW).count(),
    )
    list_display = ("public_id", "account", "coins", "market", "surface", "status", "requested_at", "ended_at")
    tones = {
        "status": {
            "in_review": "warn",
            "requested": "accent",
            "submitted": "accent",
            "succeeded": "good",
            "partly": "warn",
            "failed": "bad",
            "refused": "bad",
        }
    }
    list_filter = ("status", "market", "surface")
    list_select_related = ("account", "market")
    search_fields = ("=account__external_id", "=legs__returned__provider_ref")
    ids_searched = {"wdr": "id"}
    search_help_text = _("A withdrawal's id (wdr_…), an account's external id, or the provider's id of a refund.")
    fields = (("account", "coins"), "owed", ("market", "surface"), "status", ("requested_at", "ended_at"))
    ordering = ("-requested_at",)
    inlines = (Legs, Transitions)
    change_form_template = "admin/payments/row.html"

    @admin.display(description=_("owed by the account now"))
    def owed(self, row: Withdrawal) -> str:
        return format_coins(micros_to_coins_ceil(debts.owed_micros(row.account_id)))

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("<uuid:pk>/approve/", view(self.approve), name="payments_withdrawal_approve"),
            path("<uuid:pk>/refuse/", view(self.refuse), name="payments_withdrawal_refuse"),
            *super().get_urls(),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        row = self.get_object(request, object_id)
        tools = []
        waits = row is not None and row.status == WithdrawalStatus.IN_REVIEW
        if row is not None and waits and request.user.has_perm("payments.review_withdrawal"):
            tools = [
                (_("Let it go"), reverse("admin:payments_withdrawal_approve", args=[row.pk])),
                (_("Refuse"), reverse("admin:payments_withdrawal_refuse", args=[row.pk])),
            ]
        facts = _names(row) if row is not None and request.user.has_perm("payments.review_withdrawal") else []
        shown = {**(extra_context or {}), "tools": tools, "facts": facts}
        return super().change_view(request, object_id, form_url, shown)

    def approve(self, request: HttpRequest, pk: Any) -> HttpResponse:
        words = {"title": _("Let this withdrawal go?"), "button": _("Let it go")}
        return self._decide(request, pk, forms.Form(asking.sent(request)), withdrawals.approve, **words)

    def refuse(self, request: HttpRequest, pk: Any) -> HttpResponse:
        words = {"title": _("Refuse this withdrawal?"), "button": _("Refuse"), "is_no": True}
        return self._decide(request, pk, asking.ReasonForm(asking.sent(request)), withdrawals.refuse, **words)

    def _decide(self, request: HttpRequest, pk: Any, form: forms.Form, work: Any, **words: Any) -> HttpResponse:
        asking.allowed(request, "review_withdrawal")
        row = get_object_or_404(Withdrawal.objects.select_related("account"), pk=pk)
        back = reverse("admin:payments_withdrawal_change", args=[row.pk])
        if request.method == "POST" and form.is_valid():
            asked = {**form.cleaned_data, "by": asking.staff(request), "now": timezone.now()}
            if asking.done(form, lambda: work(withdrawal_id=row.id, **asked)):
                messages.success(request, _("Done; the account was told."))
                return redirect(back)
        asked_at = date_format(timezone.localtime(row.requested_at), "DATETIME_FORMAT")
        facts = [(_("Account"), row.account), (_("Coins"), format_coins(row.coins)), (_("Requested"), asked_at)]
        facts += _names(row)
        return asking.ask(self, request, form, back=back, facts=facts, **words)


def _names(row: Withdrawal) -> list[tuple[Any, Any]]:
    """Whose account was named, beside who bought and who paid: whether they are one is for whoever looks at it."""
    legs = list(row.legs.exclude(payout_account=None).select_related("payout_account", "returned__top_up"))
    if not legs or legs[0].payout_account is None:
        return []
    named, paid = legs[0].payout_account, sum(leg.returned.amount_minor for leg in legs)
    payers = sorted({name for leg in legs if (name := payers_told.name_of(leg.returned.top_up))})
    return [
        (_("To the account"), f"{named}, {money(paid, legs[0].returned.currency)}"),
        (_("Its holder, as named"), payout_accounts.opened(named).holder),
        (_("Who paid, as the provider told"), ", ".join(payers) or _("not told")),
        (_("On the invoices"), billing.buyer(row.account).name),
    ]


class ToAnswer(admin.SimpleListFilter):
    title, parameter_name = _("disputes to answer"), "answer"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("The next to answer first"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() != "yes":
            return queryset
        return queryset.filter(state=ReturnState.UNDER_WAY).exclude(answer_by=None).order_by("answer_by")


@admin.register(PaymentReturn)
class PaymentReturnAdmin(LookOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    to_do = Waiting(
        _("disputes to answer"),
        "?answer=yes",
        lambda: PaymentReturn.objects.filter(state=ReturnState.UNDER_WAY).exclude(answer_by=None).count(),
    )
    list_display = ("noticed_at", "kind", "state", "answer_by", "amount", "coins", "top_up", "provider_ref", "why")
    tones = {"state": {"under_way": "warn"}}
    list_filter = (ToAnswer, "kind", "state", "gateway")
    list_select_related = ("top_up",)
    search_fields = ("=provider_ref", "=top_up__payment_ref", "=top_up__account__external_id")
    ids_searched = {"top": "top_up_id"}
    search_help_text = _(
        "The provider's id of the refund, dispute or payment, a top-up's id (top_…), or an account's external id."
    )
    ordering = ("-noticed_at",)

    def get_fieldsets(self, request: HttpRequest, obj: PaymentReturn | None = None) -> list[Any]:
        found = super().get_fieldsets(request, obj)
        if obj is None or obj.answer_by is None or obj.state != ReturnState.UNDER_WAY:
            return found
        told = _(
            "Answer it at %(gateway)s, by its id there. What is decided comes here by itself: a dispute that is won is "
            "undone, and its coins return to the account."
        ) % {"gateway": obj.gateway}
        (title, options), *others = found
        return [(title, {**options, "description": told}), *others]

    @admin.display(description=_("amount"))
    def amount(self, row: PaymentReturn) -> str:
        return money(row.amount_minor, row.currency)
