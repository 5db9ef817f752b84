"""Orders as staff sees them, ending one, and how the promise of refunds is kept."""

from datetime import timedelta
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import F
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from orders import lifecycle, promise, settlement
from orders.admin import plumbing, seeing
from orders.admin.plumbing import LookOnly
from orders.admin.reviews import waiting_of
from orders.models import EndReason, Order
from orders.states import OPEN, Status
from promote import look_only

END, SETTLE = "orders.end_order", "orders.settle_order"
PERIODS = [
    (_("Last 24 hours"), timedelta(days=1)),
    (_("7 days"), timedelta(days=7)),
    (_("30 days"), timedelta(days=30)),
]
MOST_LISTED = 100


@admin.register(Order)
class OrderAdmin(LookOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    to_do = look_only.Waiting(
        _("orders that can't be settled"),
        "?set_aside_at__isempty=0",
        lambda: Order.objects.filter(status=Status.ENDING).set_aside().count(),
        is_bad=True,
    )
    list_display = ("cover", "what", "state", "cost", "spent", "of_account", "function", "placed_at", "public_id")
    list_display_links = ("cover", "what")
    list_filter = ("status", "function", "market", ("set_aside_at", admin.EmptyFieldListFilter))
    list_select_related = ("account", "video", "live")
    search_fields = ("=account__username", "=account__external_id", "=key")
    ids_searched = {"ord": "id"}
    search_help_text = _("An order's id (ord_…), or an account's name or id.")
    ordering = ("-placed_at", "-id")

    @admin.display(description=_("Cover"))
    def cover(self, order: Order) -> str:
        return plumbing.cover(order)

    @admin.display(description=_("Video or live"))
    def what(self, order: Order) -> SafeString:
        return plumbing.caption(order)

    @admin.display(description=_("Account"), ordering="account__username")
    def of_account(self, order: Order) -> str:
        return f"{order.account.username} · {order.market_id}"

    @admin.display(description=_("Status"), ordering="status")
    def state(self, order: Order) -> SafeString:
        return look_only.pill(_("Set aside"), "bad") if order.set_aside_at else plumbing.status_pill(order)

    @admin.display(description=_("Cost"), ordering="cost_coins")
    def cost(self, order: Order) -> SafeString:
        return plumbing.coins(order.cost_coins)

    @admin.display(description=_("Spent"), ordering="spent_coins")
    def spent(self, order: Order) -> SafeString:
        return plumbing.coins(order.spent_coins)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        return super().changelist_view(request, {"title": _("Orders"), **(extra_context or {})})

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("settlements/", view(self.settlements), name="orders_order_settlements"),
            path("<uuid:order_id>/change/", view(self.look), name="orders_order_change"),
            path("<uuid:order_id>/end/", view(self.end), name="orders_order_end"),
            path("<uuid:order_id>/retry/", view(self.retry), name="orders_order_retry"),
            *super().get_urls(),
        ]

    def look(self, request: HttpRequest, order_id: Any) -> HttpResponse:
        """One order, with its money, its review and its history."""
        order = self._find(request, order_id)
        context = {
            **self._context(request, title=str(order.target)),
            "seen": seeing.look_at(order, now=timezone.now()),
            "status": plumbing.status_pill(order),
            "desk_address": waiting_of(order),
            "may_end": order.status in OPEN and request.user.has_perm(END),
            "may_retry": order.set_aside_at is not None and request.user.has_perm(SETTLE),
        }
        return render(request, "admin/orders/order/look.html", context)

    def end(self, request: HttpRequest, order_id: Any) -> HttpResponse:
        """Asks first, since it can't be undone."""
        order = self._find(request, order_id)
        if not request.user.has_perm(END):
            raise PermissionDenied
        if request.method == "POST":
            with plumbing.refusals_told(request):
                ended = lifecycle.end(
                    order_id=order.id, reason=EndReason.OPS, by=plumbing.staff(request), now=timezone.now()
                )
                messages.success(request, _("The order is %(status)s.") % {"status": ended.get_status_display()})
            return redirect("admin:orders_order_change", order.id)
        context = {
            **self._context(request, title=_("End this order?")),
            "seen": seeing.look_at(order, now=timezone.now()),
        }
        return render(request, "admin/orders/order/end.html", context)

    def retry(self, request: HttpRequest, order_id: Any) -> HttpResponse:
        order = self._find(request, order_id)
        if not request.user.has_perm(SETTLE):
            raise PermissionDenied
        if request.method == "POST":
            with plumbing.refusals_told(request):
                settlement.retry(order_id=order.id, by=plumbing.staff(request), now=timezone.now())
                messages.success(request, _("Back in line. It is settled within seconds, or set aside again."))
        return redirect("admin:orders_order_settlements")

    def settlements(self, request: HttpRequest) -> HttpResponse:
        """How the promise is kept, who waits, who was set aside."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        now = timezone.now()
        kept = [(name, promise.kept(since=since, now=now)) for name, since in PERIODS]
        late = Order.objects.filter(refunded_at__gt=now - timedelta(days=30)).filter(refunded_at__gt=F("refund_due_at"))
        context = {
            **self._context(request, title=_("Settlements")),
            "kept": [
                {
                    "name": name,
                    "orders": figures.orders,
                    "median": plumbing.span(figures.median_s),
                    "p99": plumbing.span(figures.p99_s),
                    "worst": plumbing.span(figures.worst_s),
                    "late": figures.late,
                }
                for name, figures in kept
            ],
            "waiting": promise.waiting(now=now),
            "set_aside": Order.objects.set_aside().select_related("account", "video", "live")[:MOST_LISTED],
            "late": late.select_related("account", "video", "live").order_by("-refunded_at")[:MOST_LISTED],
            "may_retry": request.user.has_perm(SETTLE),
        }
        return render(request, "admin/orders/order/settlements.html", context)

    def _find(self, request: HttpRequest, order_id: Any) -> Order:
        if not self.has_view_permission(request):
            raise PermissionDenied
        rows = Order.objects.select_related("account", "market", "video__product", "live", "offer")
        order = rows.filter(id=order_id).first()
        if order is None:
            raise Http404
        return order

    def _context(self, request: HttpRequest, *, title: Any) -> dict[str, Any]:
        return {
            **self.admin_site.each_context(request),
            "title": title,
            "opts": self.model._meta,
            "media": self.media,
        }
