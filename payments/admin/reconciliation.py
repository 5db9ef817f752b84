"""Reconciliation in the admin: runs, the clearing accounts, and the differences that finance resolves."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST
from kombu.exceptions import OperationalError

from payments import by_method, clearing, differences, reconciling, returns, tasks
from payments.admin import asking
from payments.admin.ledger import LookOnly
from payments.gateways.base import GatewayAway, GatewayRefused
from payments.models import Difference, DifferenceNote, DifferenceState, ProviderLine, Reconciliation
from promote.look_only import Cell, Table, Waiting, money, pill

MOST_DAYS = 366


class CompareForm(forms.Form):
    gateway = forms.ChoiceField(label=_("Provider"), required=False)
    days = forms.IntegerField(
        label=_("Days"), min_value=1, max_value=MOST_DAYS, initial=reconciling.LOOK_BACK.days,
        help_text=_("So far back from now. A provider's account is read page by page: a year takes a while."),
    )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["gateway"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [("", _("All that give a statement")), *((name, name) for name in reconciling.speaking())]


@admin.register(Reconciliation)
class ReconciliationAdmin(LookOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("started_at", "gateway", "outcome", "since", "until", "lines", "compared", "by")
    list_filter = ("gateway",)
    list_select_related = ("by",)
    fields = (
        ("gateway", "outcome"),
        ("since", "until"),
        ("lines", "compared", "found"),
        ("started_at", "finished_at", "by"),
        "error",
    )
    readonly_fields = ("outcome",)
    ordering = ("-started_at",)
    change_list_template = "admin/payments/tools.html"
    change_form_template = "admin/payments/row.html"

    @admin.display(description=_("came to"))
    def outcome(self, run: Reconciliation) -> SafeString:
        if run.error:
            return pill(_("Failed"), "bad")
        if run.finished_at is None:
            return pill(_("Under way"), "accent")
        if run.found:
            return pill(ngettext("%d new difference", "%d new differences", run.found) % run.found, "bad")
        return pill(_("Nothing new"), "good")

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("clearing/", view(self.clearing), name="payments_reconciliation_clearing"),
            path("run/", view(require_POST(self.run)), name="payments_reconciliation_run"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        tools = [(_("Clearing accounts, and compare now"), reverse("admin:payments_reconciliation_clearing"))]
        return super().changelist_view(request, {**(extra_context or {}), "tools": tools})

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        run = self.get_object(request, object_id)
        tools = []
        if run is not None:
            of_provider = f"?gateway={run.gateway}&state__exact={DifferenceState.OPEN}"
            tools = [(_("Its open differences"), reverse("admin:payments_difference_changelist") + of_provider)]
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), "tools": tools})

    def clearing(self, request: HttpRequest) -> HttpResponse:
        """Every clearing account beside its provider's own lines, and each method in its provider's last run."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        return self._clearing(request, CompareForm())

    def run(self, request: HttpRequest) -> HttpResponse:
        """Hands the comparison to the workers, each provider's by itself."""
        asking.allowed(request, "run_reconciliation")
        form = CompareForm(request.POST)
        if not form.is_valid():
            return self._clearing(request, form)
        names = [form.cleaned_data["gateway"]] if form.cleaned_data["gateway"] else reconciling.speaking()
        asked = {"days": form.cleaned_data["days"], "by": asking.staff(request).pk}
        try:
            for name in names:
                tasks.reconcile_one.apply_async((name,), asked, retry=False)
        except OperationalError:
            messages.error(request, _("The workers' queue can't be reached; nothing was started. Try again soon."))
            return redirect("admin:payments_reconciliation_clearing")
        told = _("Started: %(providers)s. Each is listed here with its end and what it found, or why it failed.")
        messages.success(request, told % {"providers": ", ".join(names)})
        return redirect("admin:payments_reconciliation_changelist")

    def _clearing(self, request: HttpRequest, form: forms.Form) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": _("Clearing accounts"),
            "opts": self.model._meta,
            "media": self.media,
            "clearing": _accounts(),
            "methods": _methods(),
            "may_run": request.user.has_perm("payments.run_reconciliation"),
            "form": form,
        }
        return render(request, "admin/payments/clearing.html", context, status=422 if form.errors else 200)


def _accounts() -> Table:
    return Table(
        columns=[_("Provider"), _("Currency"), _("Our books"), _("Its lines"), _("Apart")],
        rows=[
            [
                Cell(one.gateway),
                Cell(one.currency),
                Cell(money(one.ours_minor, one.currency)),
                Cell(money(one.theirs_minor, one.currency)),
                Cell(money(one.apart_minor, one.currency), is_bad=bool(one.apart_minor)),
            ]
            for one in clearing.clearing()
        ],
        empty=_("Nothing was paid through a provider yet."),
        numbers=frozenset({2, 3, 4}),
    )


def _methods() -> Table:
    return Table(
        columns=[
            _("Provider"),
            _("Method"),
            _("From"),
            _("Until"),
            _("Taken"),
            _("Paid back"),
            _("Taken by its lines"),
            _("Paid back by its lines"),
            _("Apart"),
        ],
        rows=[
            [
                Cell(run.gateway),
                Cell(one.method or "–"),
                Cell(date_format(timezone.localtime(run.since), "SHORT_DATETIME_FORMAT")),
                Cell(date_format(timezone.localtime(run.until), "SHORT_DATETIME_FORMAT")),
                Cell(money(one.taken_minor, one.currency)),
                Cell(money(one.back_minor, one.currency)),
                Cell(money(one.their_taken_minor, one.currency)),
                Cell(money(one.their_back_minor, one.currency)),
                Cell(money(one.apart_minor, one.currency), is_bad=bool(one.apart_minor)),
            ]
            for run in by_method.last_runs()
            for one in by_method.sums(run)
        ],
        empty=_("No provider was compared yet, or nothing moved in the days that were."),
        numbers=frozenset(range(4, 9)),
    )


@admin.register(ProviderLine)
class ProviderLineAdmin(LookOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("at", "gateway", "kind", "amount_minor", "fee_minor", "payment_ref", "subject")
    list_filter = ("gateway", "kind", "currency")
    search_fields = ("=ref", "=payment_ref", "=subject")
    search_help_text = _("The provider's id of the line, the payment, refund, dispute or payout.")
    ordering = ("-at",)
    date_hierarchy = "at"


class Notes(LookOnly, admin.TabularInline):  # type: ignore[type-arg]
    model = DifferenceNote
    fields = readonly_fields = ("at", "to_state", "reason", "by")


@admin.register(Difference)
class DifferenceAdmin(LookOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    to_do = Waiting(
        _("open differences"),
        f"?state__exact={DifferenceState.OPEN}",
        lambda: Difference.objects.filter(state=DifferenceState.OPEN).count(),
        is_bad=True,
    )
    list_display = ("found_at", "gateway", "method", "kind", "subject", "ours", "theirs", "state")
    tones = {"state": {"open": "bad", "resolved": "good"}}
    list_filter = ("state", "kind", "gateway", "method")
    list_select_related = ("top_up",)
    search_fields = ("=subject",)
    ids_searched = {"top": "top_up_id"}
    search_help_text = _("The provider's id of the payment, refund or dispute, or a top-up's id (top_…).")
    fields = ("gateway", "method", "kind", "subject", "top_up", "at", "ours", "theirs", "state", "found_at")
    readonly_fields = fields
    ordering = ("-found_at",)
    inlines = (Notes,)
    change_form_template = "admin/payments/row.html"

    @admin.display(description=_("by our books"))
    def ours(self, row: Difference) -> str:
        return "–" if row.ours_minor is None else money(row.ours_minor, row.ours_currency)

    @admin.display(description=_("by the provider"))
    def theirs(self, row: Difference) -> str:
        return "–" if row.theirs_minor is None else money(row.theirs_minor, row.theirs_currency)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("<uuid:pk>/resolve/", view(self.resolve), name="payments_difference_resolve"),
            path("<uuid:pk>/follow/", view(self.follow), name="payments_difference_follow"),
            *super().get_urls(),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        row = self.get_object(request, object_id)
        tools = []
        if row and row.state != DifferenceState.RESOLVED and request.user.has_perm("payments.resolve_difference"):
            tools = [(_("Resolve"), reverse("admin:payments_difference_resolve", args=[row.pk]))]
            if row.top_up_id:
                ask = reverse("admin:payments_difference_follow", args=[row.pk])
                tools.insert(0, (_("Ask the provider and follow it"), ask))
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), "tools": tools})

    def resolve(self, request: HttpRequest, pk: Any) -> HttpResponse:
        asking.allowed(request, "resolve_difference")
        row = get_object_or_404(Difference, pk=pk)
        back = reverse("admin:payments_difference_change", args=[row.pk])
        form = asking.ReasonForm(asking.sent(request))
        if request.method == "POST" and form.is_valid():
            asked = {"reason": form.cleaned_data["reason"], "by": asking.staff(request), "now": timezone.now()}
            if asking.done(form, lambda: differences.resolve(difference_id=row.id, **asked)):
                messages.success(request, _("Resolved; the row stays, with your reason."))
                return redirect(back)
        facts = [(_("By our books"), self.ours(row)), (_("By the provider"), self.theirs(row))]
        return asking.ask(
            self, request, form, title=_("Resolve a difference"), said=row, facts=facts, button=_("Resolve"), back=back
        )

    def follow(self, request: HttpRequest, pk: Any) -> HttpResponse:
        """Has the provider asked what went back of the payment, and takes its coins along."""
        asking.allowed(request, "resolve_difference")
        row = get_object_or_404(Difference.objects.select_related("top_up"), pk=pk)
        back = reverse("admin:payments_difference_change", args=[row.pk])
        form = forms.Form(asking.sent(request))
        if request.method == "POST" and row.top_up:
            try:
                returns.confirm(top_up_id=row.top_up.id, now=timezone.now())
            except (GatewayAway, GatewayRefused, returns.ReturnDiffers) as error:
                messages.error(request, str(error))
            else:
                messages.success(request, _("Followed. The next comparison says whether both agree now."))
            return redirect(back)
        said = _("What the provider says went back takes its coins along; what was spent of them is owed.")
        words = {"title": _("Ask the provider and follow it"), "said": said, "button": _("Ask and follow")}
        return asking.ask(self, request, form, back=back, **words)
