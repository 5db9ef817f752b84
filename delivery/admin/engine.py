"""Shards, poison and pacing, to be looked at; poison can be replayed."""

import math
from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext_lazy as _
from redis.exceptions import RedisError

from delivery import diagnosis, drain, unbilled
from delivery.diagnosis import Diagnosis
from delivery.models import Barrier, PacingState, PoisonEntry, Shard
from delivery.replay import replay
from promote.look_only import LookOnly, Waiting, coins
from promote.money import MICROS
from promote.refusals import Text


@admin.register(Shard)
class ShardAdmin(LookOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("number", "backlog", "lag", "drained_at", "lost_entries", "generation", "position", "epoch")
    list_select_related = ("pacer",)
    fields = (
        "id",
        ("backlog", "lag", "drained_at"),
        "lost_entries",
        ("generation", "position"),
        "epoch",
        "redis_run_id",
    )
    readonly_fields = ("backlog", "lag", "position", "epoch")

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        free = unbilled.free(since=timezone.now() - timedelta(hours=24))
        return super().changelist_view(request, {**(extra_context or {}), "free": free})

    @admin.display(description=_("shard"), ordering="id")
    def number(self, shard: Shard) -> int:
        return shard.id

    @admin.display(description=_("position"))
    def position(self, shard: Shard) -> str:
        return f"{shard.position_generation}: {shard.position_id}"

    @admin.display(description=_("waiting"), ordering="pacer__backlog")
    def backlog(self, shard: Shard) -> str | None:
        return number_format(shard.pacer.backlog, force_grouping=True) if hasattr(shard, "pacer") else None

    @admin.display(description=_("pacer epoch"), ordering="pacer__epoch")
    def epoch(self, shard: Shard) -> int | None:
        return shard.pacer.epoch if hasattr(shard, "pacer") else None

    @admin.display(description=_("the oldest for"))
    def lag(self, shard: Shard) -> str:
        try:
            return _seconds(drain.lag_s(shard=shard, now=timezone.now()))
        except RedisError:
            return str(_("Redis does not answer"))


@admin.register(PacingState)
class PacingAdmin(LookOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    """An order's own page says too why it is slow."""

    list_display = (
        "order",
        "of_account",
        "bids",
        "a_charge",
        "count",
        "latency",
        "outstanding_micros",
    )
    list_select_related = ("order__account",)
    fieldsets = (
        (None, {"fields": ("order", "why_slow")}),
        (_("Its price"), {"fields": (("bids", "multiplier"), ("a_charge", "count", "latency"))}),
        (_("The open window"), {"fields": (("window_planned", "window_spent"),)}),
        (_("Its counters"), {"fields": (("shard", "generation"), "outstanding_micros", "looked_at")}),
    )
    list_filter = ("shard",)
    search_fields = ("=order__account__external_id",)
    ids_searched = {"ord": "order_id"}
    search_help_text = _("An order's id (ord_…), or an account's external id.")

    @admin.display(description=_("how it spends"))
    def why_slow(self, state: PacingState) -> str:
        """The advice that its owner reads, and the last hour's chances."""
        try:
            found = diagnosis.of(state.order, now=timezone.now())
        except RedisError:
            return str(_("Redis does not answer"))
        shown = {
            "advice": found.advice,
            "money": [
                (_("Spent"), coins(found.spent_micros)),
                (_("An even spend by now"), coins(found.planned_micros)),
            ],
            "chances": [_share(found, name, stage, "considered") for stage, name in diagnosis.CHANCES.items()],
            "fates": [_share(found, name, stage, "targeted") for stage, name in diagnosis.FATES.items()],
        }
        return render_to_string("admin/delivery/_is_it_slow.html", shown)

    @admin.display(description=_("account"))
    def of_account(self, state: PacingState) -> str:
        return str(state.order.account)

    @admin.display(description=_("bids, times the market's price"))
    def bids(self, state: PacingState) -> str:
        """1 is what the market pays; an order that is behind bids more, one that is ahead less."""
        return _digits(state.mu_expected / state.mu) if state.mu else "–"

    @admin.display(description=_("multiplier, and at the market's price"), ordering="mu")
    def multiplier(self, state: PacingState) -> str:
        return f"μ {state.mu:.3g} · {state.mu_expected:.3g}"

    @admin.display(description=_("a charge, in coins"), ordering="mean_cost")
    def a_charge(self, state: PacingState) -> str:
        return _digits(state.mean_cost / MICROS)

    @admin.display(description=_("charges"), ordering="charges")
    def count(self, state: PacingState) -> str:
        return number_format(state.charges, force_grouping=True)

    @admin.display(description=_("charged after"), ordering="latency_s")
    def latency(self, state: PacingState) -> str:
        return _seconds(state.latency_s)

    @admin.display(description=_("planned, in coins"))
    def window_planned(self, state: PacingState) -> str:
        return _digits(state.planned / MICROS)

    @admin.display(description=_("spent, in coins"))
    def window_spent(self, state: PacingState) -> str:
        return _digits(state.actual / MICROS)

    @admin.display(description=_("looked at"))
    def looked_at(self, state: PacingState) -> str:
        return date_format(timezone.localtime(datetime.fromtimestamp(state.at, UTC)), "j M Y H:i:s")


@admin.register(Barrier)
class BarrierAdmin(LookOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("order", "shard", "due_at", "appended_generation", "drained_at")
    list_filter = ("shard",)
    search_fields = ("=order__account__external_id",)
    ids_searched = {"ord": "order_id"}
    search_help_text = _("An order's id (ord_…), or an account's external id.")


@admin.register(PoisonEntry)
class PoisonAdmin(LookOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    to_do = Waiting(
        _("poison entries"),
        "?replayed_at__isnull=True",
        lambda: PoisonEntry.objects.filter(replayed_at=None).count(),
        is_bad=True,
    )
    list_display = ("at", "shard", "generation", "stream_id", "short_error", "replayed_at")
    list_filter = ("shard", "replayed_at")
    actions = ["replay_chosen"]

    @admin.display(description=_("error"))
    def short_error(self, entry: PoisonEntry) -> str:
        return entry.error[:120]

    def has_replay_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("delivery.change_poisonentry")

    @admin.action(description=_("Put back into the stream"), permissions=["replay"])
    def replay_chosen(self, request: HttpRequest, entries: QuerySet[PoisonEntry]) -> None:
        try:
            done = replay(entry_ids=list(entries.values_list("id", flat=True)), now=timezone.now())
        except RedisError as error:
            self.message_user(request, str(error), messages.ERROR)
        else:
            self.message_user(request, _("%d entries were put back.") % done)


def _seconds(length_s: float) -> str:
    return str(_("%(seconds)s s") % {"seconds": number_format(length_s, decimal_pos=1)})


def _digits(value: float) -> str:
    """Three digits that say something, however small it is: 12,345 · 1.23 · 0.00123."""
    whole = max(0, math.floor(math.log10(abs(value)))) if value else 0
    small = -math.floor(math.log10(abs(value))) if value and abs(value) < 1 else 0
    return number_format(value, decimal_pos=max(0, 2 - whole) + small, force_grouping=True)


def _share(found: Diagnosis, name: Text, stage: str, whole: str) -> tuple[Text, str]:
    times, of = found.funnel[stage], found.funnel[whole]
    told = number_format(times, force_grouping=True)
    if not of or stage == whole:
        return name, told
    return name, f"{told} · <1 %" if 0 < times / of < 0.005 else f"{told} · {100 * times / of:.0f} %"
