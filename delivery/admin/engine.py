"""Shards, poison and pacing, to be looked at; poison can be replayed."""

from datetime import timedelta
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from redis.exceptions import RedisError

from delivery import diagnosis, drain, unbilled
from delivery.models import Barrier, PacingState, PoisonEntry, Shard
from delivery.replay import replay
from promote.look_only import LookOnly, lines


@admin.register(Shard)
class ShardAdmin(LookOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("id", "generation", "position", "backlog", "lag", "drained_at", "lost_entries", "epoch")
    list_select_related = ("pacer",)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        free = unbilled.free(since=timezone.now() - timedelta(hours=24))
        return super().changelist_view(request, {**(extra_context or {}), "free": free})

    @admin.display(description=_("position"))
    def position(self, shard: Shard) -> str:
        return f"{shard.position_generation}: {shard.position_id}"

    @admin.display(description=_("backlog"), ordering="pacer__backlog")
    def backlog(self, shard: Shard) -> int | None:
        return shard.pacer.backlog if hasattr(shard, "pacer") else None

    @admin.display(description=_("pacer epoch"), ordering="pacer__epoch")
    def epoch(self, shard: Shard) -> int | None:
        return shard.pacer.epoch if hasattr(shard, "pacer") else None

    @admin.display(description=_("oldest waiting (s)"))
    def lag(self, shard: Shard) -> str:
        try:
            return f"{drain.lag_s(shard=shard, now=timezone.now()):.1f}"
        except RedisError:
            return str(_("Redis does not answer"))


@admin.register(PacingState)
class PacingAdmin(LookOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    """An order's own page says too why it is slow."""

    list_display = ("order", "shard", "generation", "mu", "mean_cost", "charges", "latency_s", "outstanding_micros")
    readonly_fields = ("why_slow",)
    list_filter = ("shard",)
    search_fields = ("=order__account__external_id",)
    ids_searched = {"ord": "order_id"}
    search_help_text = _("An order's id (ord_…), or an account's external id.")

    @admin.display(description=_("why it is slow"))
    def why_slow(self, state: PacingState) -> SafeString | str:
        """The last hour's chances, and the advice that its owner reads."""
        try:
            found = diagnosis.of(state.order, now=timezone.now())
        except RedisError:
            return str(_("Redis does not answer"))
        advice = "\n".join(f"{code}: {sentence}" for code, sentence in found.advice)
        spent = {"spent micros": found.spent_micros, "planned micros": found.planned_micros}
        return lines({"advice": advice, **found.funnel, **spent})


@admin.register(Barrier)
class BarrierAdmin(LookOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("order", "shard", "due_at", "appended_generation", "drained_at")
    list_filter = ("shard",)
    search_fields = ("=order__account__external_id",)
    ids_searched = {"ord": "order_id"}
    search_help_text = _("An order's id (ord_…), or an account's external id.")


@admin.register(PoisonEntry)
class PoisonAdmin(LookOnly, admin.ModelAdmin):  # type: ignore[type-arg]
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
