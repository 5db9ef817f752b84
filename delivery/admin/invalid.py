"""Invalid traffic in the admin: what nobody is billed for, and what was billed, found out and returned."""

from typing import Any, TypeVar

from django import forms
from django.contrib import admin, messages
from django.db import transaction
from django.db.models import Count, Model, Q, QuerySet, Sum
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from delivery import invalid, tasks
from delivery.models import ChargeReturn, Finding, FoundReason, UnbilledHour
from orders.models import Order
from promote.accounts.models import User
from promote.look_only import LookOnly
from promote.money import format_micros
from promote.refusals import NotFound

Row = TypeVar("Row", bound=Model)


def of_order(rows: QuerySet[Row], search_term: str) -> QuerySet[Row]:
    """Those of the order whose id was searched for."""
    if not search_term.strip():
        return rows
    try:
        return rows.filter(order_id=Order.id_from(search_term.strip()))
    except NotFound:
        return rows.none()


class ByOrder(LookOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    """Rows of orders, found by an order's id; nobody changes them."""

    search_fields = ("order__id",)
    search_help_text = _("An order's id (ord_…).")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        return of_order(queryset, search_term), False


@admin.register(UnbilledHour)
class UnbilledAdmin(ByOrder):
    """Traffic that nobody is billed for, by order and reason."""

    list_display = ("hour", "order", "reason", "impressions", "acted", "worth")
    list_filter = ("reason",)
    date_hierarchy = "hour"
    ordering = ("-hour", "order_id", "reason")
    list_select_related = ("order",)
    show_full_result_count = False

    @admin.display(description=_("actions"))
    def acted(self, row: UnbilledHour) -> int:
        return row.actions

    @admin.display(description=_("would have cost"))
    def worth(self, row: UnbilledHour) -> str:
        return format_micros(row.price_micros)


class FindingForm(forms.ModelForm):  # type: ignore[type-arg]
    order = forms.CharField(required=False, help_text=_("An order's id (ord_…); empty: the viewers' on all orders."))
    viewers = forms.CharField(
        required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_("As the platform names them, one a line; empty: every viewer of the order."),
    )

    class Meta:
        model = Finding
        fields = ("reason", "since", "until", "order", "viewers", "source", "note")

    def clean_order(self) -> Order | None:
        text = self.cleaned_data["order"].strip()
        if not text:
            return None
        try:
            return Order.objects.get(id=Order.id_from(text))
        except (NotFound, Order.DoesNotExist):
            raise forms.ValidationError(_("There is no such order. Its id begins with ord_.")) from None

    def clean_viewers(self) -> list[int]:
        since, until = self.cleaned_data.get("since"), self.cleaned_data.get("until")
        if not since or not until:  # which is told beside them
            return []
        return sorted(invalid.pseudonyms(self.cleaned_data["viewers"].split(), since=since, until=until))

    def clean(self) -> dict[str, Any]:
        asked = super().clean() or self.cleaned_data
        someone = asked.get("order") or asked.get("source") or self.data.get("viewers", "").strip()
        if "order" in asked and "source" in asked and not someone:
            self.add_error("order", _("Name an order, viewers, or what is blocked."))
        if asked.get("since") and asked.get("until") and asked["since"] >= asked["until"]:
            self.add_error("until", _("It has to end after it began."))
        return asked


@admin.register(Finding)
class FindingAdmin(ByOrder):
    """To add one returns its charges."""

    form = FindingForm
    list_display = ("at", "reason", "order", "source", "since", "until", "marked", "cost", "waiting", "by")
    list_filter = ("reason",)
    list_select_related = ("order", "source", "by")
    actions = ("return_again",)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("delivery.add_finding")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Finding]:
        waits = Count("charges", filter=Q(charges__returned=None))
        sums = {"times": Count("charges"), "micros": Sum("charges__price_micros"), "waits": waits}
        rows: QuerySet[Finding] = super().get_queryset(request).annotate(**sums)
        return rows

    def save_model(self, request: HttpRequest, obj: Finding, form: Any, change: bool) -> None:
        facts = form.cleaned_data
        assert isinstance(request.user, User)
        made = invalid.find(
            reason=FoundReason(facts["reason"]),
            since=facts["since"],
            until=facts["until"],
            order_id=facts["order"] and facts["order"].id,
            viewers=facts["viewers"],
            source=facts["source"],
            note=facts["note"],
            by=request.user,
            now=timezone.now(),
        )
        obj.pk, obj.at = made.pk, made.at
        transaction.on_commit(lambda: tasks.return_invalid.delay(finding=str(made.pk)), robust=True)

    def has_return_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("delivery.add_finding")

    @admin.action(description=_("Return what is still to be returned"), permissions=["return"])
    def return_again(self, request: HttpRequest, findings: QuerySet[Finding]) -> None:
        now = timezone.now()
        done = sum(invalid.give_back(finding_id=finding.id, now=now) for finding in findings)
        self.message_user(request, _("Returned of %d orders.") % done, messages.SUCCESS)

    @admin.display(description=_("impressions"))
    def marked(self, row: Any) -> int:
        return int(row.times)

    @admin.display(description=_("cost"))
    def cost(self, row: Any) -> str:
        return format_micros(row.micros or 0)

    @admin.display(description=_("to be returned"))
    def waiting(self, row: Any) -> int:
        return int(row.waits)


@admin.register(ChargeReturn)
class ChargeReturnAdmin(ByOrder):
    list_display = ("at", "order", "finding", "impressions", "cost", "after_settlement", "coins", "coupon")
    list_filter = ("after_settlement", "finding__reason")
    list_select_related = ("order", "finding")

    @admin.display(description=_("cost"))
    def cost(self, row: ChargeReturn) -> str:
        return format_micros(row.micros)

    @admin.display(description=_("to the coupon"))
    def coupon(self, row: ChargeReturn) -> str:
        return format_micros(row.coupon_micros)
