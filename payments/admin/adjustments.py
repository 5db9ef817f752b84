"""Adjustments in the admin: one of finance proposes, another approves or refuses."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from payments import adjustments, currencies
from payments.admin import asking
from payments.admin.ledger import LookOnly
from payments.models import Adjustment, AdjustmentKind, AdjustmentState, Lot
from promote import ids
from promote.accounts.models import Account
from promote.look_only import Waiting, money
from promote.money import format_coins
from promote.refusals import NotFound

OF_COINS = [(kind.value, kind.label) for kind in AdjustmentKind if kind != AdjustmentKind.BOOKS]


class CoinsForm(asking.ReasonForm):
    kind = forms.ChoiceField(choices=OF_COINS)
    account = forms.CharField(help_text=_("The platform's id of the account."))
    coins = forms.IntegerField(help_text=_("Below 0 to take coins away (a correction only)."))
    lot = forms.CharField(required=False, help_text=_("For a chargeback: the lot (lot_…) whose payment went back."))
    field_order = ("kind", "account", "coins", "lot", "reason")

    def clean_account(self) -> Account:
        found = Account.objects.filter(external_id=self.cleaned_data["account"].strip()).first()
        if found is None:
            raise forms.ValidationError(_("There is no such account. Use the platform's id."))
        return found

    def clean_lot(self) -> Lot | None:
        text = self.cleaned_data["lot"].strip()
        if not text:
            return None
        try:
            return Lot.objects.get(id=ids.parse("lot", text))
        except (NotFound, Lot.DoesNotExist):
            raise forms.ValidationError(_("There is no such lot. Its id begins with lot_.")) from None


class BooksForm(asking.ReasonForm):
    currency = forms.ChoiceField(choices=[(code, code) for code in sorted(currencies.NUMBERS)])
    debit_code = forms.CharField(label=_("From"), help_text=", ".join(adjustments.CODES) + ", clearing:…")
    credit_code = forms.CharField(label=_("To"))
    amount_minor = forms.IntegerField(
        label=_("Amount"), min_value=1, max_value=10**15, help_text=_("In the currency's smallest unit: cents.")
    )
    field_order = ("currency", "debit_code", "credit_code", "amount_minor", "reason")


@admin.register(Adjustment)
class AdjustmentAdmin(LookOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    to_do = Waiting(
        _("adjustments to decide"),
        f"?state__exact={AdjustmentState.PROPOSED}",
        lambda: Adjustment.objects.filter(state=AdjustmentState.PROPOSED).count(),
    )
    list_display = ("public_id", "kind", "of", "what", "reason", "maker", "proposed_at", "state", "checker")
    tones = {"state": {"proposed": "warn", "approved": "good"}}
    list_filter = ("state", "kind")
    list_select_related = ("account", "maker", "checker")
    search_fields = ("=account__external_id", "reason")
    fields = (
        ("kind", "state"),
        ("of", "what", "lot"),
        "reason",
        ("maker", "proposed_at"),
        ("checker", "decided_at"),
        "decision",
        "journal",
    )
    readonly_fields = ("of", "what")
    ordering = ("-proposed_at",)
    change_list_template = "admin/payments/tools.html"
    change_form_template = "admin/payments/row.html"

    @admin.display(description=_("of"))
    def of(self, row: Adjustment) -> str:
        return str(row.account) if row.account else f"{row.debit_code} → {row.credit_code}"

    @admin.display(description=_("moves"))
    def what(self, row: Adjustment) -> str:
        if row.coins is None:
            return money(row.amount_minor or 0, row.currency)
        return ("−" if row.coins < 0 else "") + format_coins(abs(row.coins))

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("propose/", view(self.propose), name="payments_adjustment_propose"),
            path("propose-books/", view(self.propose_books), name="payments_adjustment_propose_books"),
            path("<uuid:pk>/approve/", view(self.approve), name="payments_adjustment_approve"),
            path("<uuid:pk>/refuse/", view(self.refuse), name="payments_adjustment_refuse"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        tools = []
        if request.user.has_perm("payments.propose_adjustment"):
            tools = [
                (_("Propose: coins of an account"), reverse("admin:payments_adjustment_propose")),
                (_("Propose: money between accounts"), reverse("admin:payments_adjustment_propose_books")),
            ]
        return super().changelist_view(request, {**(extra_context or {}), "tools": tools})

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        row = self.get_object(request, object_id)
        tools = []
        waits = row is not None and row.state == AdjustmentState.PROPOSED and row.maker_id != request.user.pk
        if row is not None and waits and request.user.has_perm("payments.decide_adjustment"):
            tools = [
                (_("Approve"), reverse("admin:payments_adjustment_approve", args=[row.pk])),
                (_("Refuse"), reverse("admin:payments_adjustment_refuse", args=[row.pk])),
            ]
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), "tools": tools})

    def propose(self, request: HttpRequest) -> HttpResponse:
        form = CoinsForm(asking.sent(request))
        return self._propose(
            request, form, lambda facts: adjustments.propose_coins(**{**facts, "kind": AdjustmentKind(facts["kind"])})
        )

    def propose_books(self, request: HttpRequest) -> HttpResponse:
        form = BooksForm(asking.sent(request))
        return self._propose(request, form, lambda facts: adjustments.propose_books(**facts))

    def _propose(self, request: HttpRequest, form: forms.Form, work: Any) -> HttpResponse:
        asking.allowed(request, "propose_adjustment")
        if request.method == "POST" and form.is_valid():
            facts = {**form.cleaned_data, "by": asking.staff(request), "now": timezone.now()}
            if asking.done(form, lambda: work(facts)):
                messages.success(request, _("Proposed. It moves once another person of finance approves it."))
                return redirect("admin:payments_adjustment_changelist")
        words = {"title": _("Propose an adjustment"), "said": _("Another person approves it."), "button": _("Propose")}
        return asking.ask(self, request, form, back=reverse("admin:payments_adjustment_changelist"), **words)

    def approve(self, request: HttpRequest, pk: Any) -> HttpResponse:
        words = {"title": _("Approve this adjustment?"), "button": _("Approve: it moves now")}
        return self._decide(request, pk, forms.Form(asking.sent(request)), adjustments.approve, **words)

    def refuse(self, request: HttpRequest, pk: Any) -> HttpResponse:
        words = {"title": _("Refuse this adjustment?"), "button": _("Refuse"), "is_no": True}
        return self._decide(request, pk, asking.ReasonForm(asking.sent(request)), adjustments.refuse, **words)

    def _decide(self, request: HttpRequest, pk: Any, form: forms.Form, work: Any, **words: Any) -> HttpResponse:
        asking.allowed(request, "decide_adjustment")
        row = get_object_or_404(Adjustment.objects.select_related("account", "maker"), pk=pk)
        back = reverse("admin:payments_adjustment_change", args=[row.pk])
        if request.method == "POST" and form.is_valid():
            facts = {**form.cleaned_data, "by": asking.staff(request), "now": timezone.now()}
            if asking.done(form, lambda: work(adjustment_id=row.id, **facts)):
                return redirect(back)
        said = f"{row.get_kind_display()} · {row.reason}"
        shown_facts = [(_("Of"), self.of(row)), (_("Moves"), self.what(row)), (_("Proposed by"), row.maker)]
        return asking.ask(self, request, form, back=back, said=said, facts=shown_facts, **words)
