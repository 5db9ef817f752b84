"""The review desk: what waits, nearest deadline first; one page to decide on; Approve, or Reject with its grounds."""

from collections.abc import Iterator
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from orders import review
from orders.admin import plumbing, seeing
from orders.admin.plumbing import LookOnly
from orders.admin.verdict_form import RejectForm
from orders.models import Order, Review, ReviewStatus
from promote import look_only
from promote.refusals import Invalid, Refusal


class Waiting(admin.SimpleListFilter):
    """What waits for a verdict, unless all is asked for."""

    title, parameter_name = _("verdict"), "verdict"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            *((value, label) for value, label in ReviewStatus.choices if value != ReviewStatus.PENDING),
            ("all", _("All")),
        ]

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        yield {
            "selected": self.value() is None,
            "query_string": changelist.get_query_string(remove=[self.parameter_name]),
            "display": _("Waiting"),
        }
        yield from list(super().choices(changelist))[1:]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == "all":
            return queryset
        return queryset.filter(status=self.value() or ReviewStatus.PENDING)


@admin.register(Review)
class ReviewAdmin(LookOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    to_do = look_only.Waiting(_("to review"), "", lambda: Review.objects.filter(status=ReviewStatus.PENDING).count())
    list_display = ("cover", "what", "deadline", "decided", "of_account", "function", "kind", "budget")
    list_display_links = ("cover", "what")
    list_filter = (Waiting, "kind", "order__function", "order__market")
    list_select_related = ("order__account", "order__video", "order__live", "decided_by")
    search_fields = ("=order__account__username", "=order__account__external_id", "order__video__caption")
    ids_searched = {"ord": "order_id"}
    ordering = ("due_at",)

    @admin.display(description=_("Cover"))
    def cover(self, review: Review) -> str:
        return plumbing.cover(review.order)

    @admin.display(description=_("Video or live"))
    def what(self, review: Review) -> SafeString:
        return plumbing.caption(review.order)

    @admin.display(description=_("Account"), ordering="order__account__username")
    def of_account(self, review: Review) -> str:
        return f"{review.order.account.username} · {review.order.market_id}"

    @admin.display(description=_("Function"), ordering="order__function")
    def function(self, review: Review) -> str:
        return review.order.get_function_display()

    @admin.display(description=_("Budget"), ordering="order__cost_coins")
    def budget(self, review: Review) -> SafeString:
        return plumbing.coins(review.order.cost_coins)

    @admin.display(description=_("Deadline"), ordering="due_at")
    def deadline(self, review: Review) -> SafeString | str:
        if review.status != ReviewStatus.PENDING:
            return "–"
        return plumbing.time_left(review.due_at, now=timezone.now())

    @admin.display(description=_("Verdict"))
    def decided(self, review: Review) -> SafeString | str:
        if review.status == ReviewStatus.PENDING:
            return "–"
        tone = {"approved": "good", "rejected": "bad", "overdue": "bad"}.get(review.status, "")
        return format_html("{} {}", look_only.pill(review.get_status_display(), tone), review.decided_by or "")

    def get_list_display(self, request: HttpRequest) -> tuple[str, ...]:
        """Who waits has no verdict to show."""
        waiting = request.GET.get(Waiting.parameter_name) is None
        return tuple(name for name in self.list_display if name != ("decided" if waiting else "deadline"))

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        return super().changelist_view(request, {"title": _("Review desk"), **(extra_context or {})})

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("<uuid:review_id>/change/", view(self.desk), name="orders_review_change"),
            path("<uuid:review_id>/approve/", view(self.approve), name="orders_review_approve"),
            path("<uuid:review_id>/reject/", view(self.reject), name="orders_review_reject"),
            *super().get_urls(),
        ]

    def desk(self, request: HttpRequest, review_id: Any) -> HttpResponse:
        """The order under review, whole."""
        found = self._find(request, review_id)
        return render(request, "admin/orders/review/desk.html", self._context(request, found))

    def approve(self, request: HttpRequest, review_id: Any) -> HttpResponse:
        found = self._find(request, review_id)
        if request.method == "POST":
            try:
                review.approve(
                    order_id=found.order_id,
                    by=plumbing.staff(request),
                    now=timezone.now(),
                    seen=request.POST.get("seen", ""),
                )
            except Refusal as refusal:
                messages.error(request, refusal.detail)
                return redirect("admin:orders_review_change", review_id)
            messages.success(request, _("Approved: “%(title)s”") % {"title": found.order.target})
            return redirect("admin:orders_review_changelist")
        return redirect("admin:orders_review_change", review_id)

    def reject(self, request: HttpRequest, review_id: Any) -> HttpResponse:
        found = self._find(request, review_id)
        form = RejectForm(request.POST or None, initial={"seen": review.seen_of(found.order)})
        if request.method == "POST" and form.is_valid():
            try:
                review.reject(
                    order_id=found.order_id, by=plumbing.staff(request), now=timezone.now(), **form.cleaned_data
                )
            except Invalid as refusal:
                for error in refusal.errors:
                    form.add_error(error.field if error.field in form.fields else None, str(error.detail))
            except Refusal as refusal:
                messages.error(request, refusal.detail)
                return redirect("admin:orders_review_change", review_id)
            else:
                messages.success(request, _("Rejected: “%(title)s”") % {"title": found.order.target})
                return redirect("admin:orders_review_changelist")
        context = {**self._context(request, found), "form": form, "title": _("Reject")}
        return render(request, "admin/orders/review/reject.html", context, status=422 if form.errors else 200)

    def _find(self, request: HttpRequest, review_id: Any) -> Review:
        if not self.has_view_permission(request):
            raise PermissionDenied
        rows = Review.objects.select_related(
            "order__account", "order__market", "order__video__product", "order__live", "decided_by"
        )
        found = rows.filter(id=review_id).first()
        if found is None:
            raise Http404
        return found

    def _context(self, request: HttpRequest, found: Review) -> dict[str, Any]:
        now = timezone.now()
        seen = seeing.look_at(found.order, now=now)
        return {
            **self.admin_site.each_context(request),
            "title": str(found.order.target),
            "opts": self.model._meta,
            "media": self.media,
            "found": found,
            "seen": seen,
            "word": review.seen_of(found.order),
            "may_decide": request.user.has_perm(review.PERMISSION) and found.status == ReviewStatus.PENDING,
            "time_left": plumbing.time_left(found.due_at, now=now) if found.status == ReviewStatus.PENDING else "",
            "status": plumbing.status_pill(found.order),
            "order_address": reverse("admin:orders_order_change", args=[found.order_id]),
        }


def waiting_of(order: Order) -> str | None:
    """The desk's address for an order under review."""
    found = order.reviews.filter(status=ReviewStatus.PENDING).first()
    return reverse("admin:orders_review_change", args=[found.id]) if found else None
