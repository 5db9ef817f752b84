"""Orders: what was asked for, what it may cost, how far it has come. The money itself is in the ledger."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from coupons.models import Offer
from orders.order_payment import OrderPayment
from orders.states import FINAL, OPEN, TRANSITIONS, EndReason, ReviewKind, ReviewStatus, Status
from orders.xid import XidField
from promote import ids, many
from promote.accounts.models import Account, User
from promote.catalogue.models import LiveRoom, Product, Video
from promote.catalogue.targets import Target
from promote.markets.models import Market
from promote.refusals import NotFound, WrongState

__all__ = [
    "TRANSITIONS",
    "Actor",
    "EndReason",
    "Order",
    "OrderPayment",
    "OrderTransition",
    "Review",
    "ReviewKind",
    "ReviewStatus",
    "Status",
]

Actor = User | Account
"""Who does something: a member of staff, or the owner, who by an app's token is an account without a login."""


class OrderQuerySet(models.QuerySet["Order"]):
    def of(self, account: Account) -> "OrderQuerySet":
        return self.filter(account=account)

    def find(self, public_id: str) -> "Order":
        """The order `ord_…` among these. Raises NotFound."""
        order = self.filter(id=ids.parse("ord", public_id)).first()
        if order is None:
            raise NotFound
        return order

    def promoting(self, target: Target) -> "OrderQuerySet":
        return self.filter(live=target) if isinstance(target, LiveRoom) else self.filter(video=target)

    def open(self) -> "OrderQuerySet":
        return self.filter(status__in=OPEN)

    def delivering(self) -> "OrderQuerySet":
        return self.filter(status=Status.DELIVERING)

    def over(self, now: datetime) -> "OrderQuerySet":
        """Delivering past their end."""
        return self.delivering().filter(ends_at__lte=now)

    def ready_to_settle(self) -> "OrderQuerySet":
        """Ended, their last event known, not set aside: oldest promise first."""
        return self.filter(status=Status.ENDING, drained_at__isnull=False, set_aside_at__isnull=True).order_by(
            "refund_due_at"
        )

    def set_aside(self) -> "OrderQuerySet":
        return self.filter(set_aside_at__isnull=False)


class Order(models.Model):
    """One promotion of one target, with its own escrow, from which delivery spends and which settlement empties."""

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="orders", db_index=False)
    market = models.ForeignKey(Market, on_delete=models.PROTECT, related_name="+", db_index=False)
    key = models.CharField(max_length=255, help_text=_("The caller's idempotency key."))
    quote_id = models.UUIDField(unique=True)
    placed_again_from = models.OneToOneField(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="placed_again_as"
    )

    function = models.CharField(
        max_length=8, choices=[("video", _("Video")), ("anchor", _("Anchor")), ("live", _("Live"))]
    )
    objective = models.CharField(max_length=32)
    video = models.ForeignKey(
        Video, null=True, blank=True, on_delete=models.PROTECT, related_name="orders", db_index=False
    )
    live = models.ForeignKey(
        LiveRoom, null=True, blank=True, on_delete=models.PROTECT, related_name="orders", db_index=False
    )
    product = models.ForeignKey(
        Product, null=True, blank=True, on_delete=models.PROTECT, related_name="orders", db_index=False
    )
    revision_seen = models.PositiveIntegerField(
        null=True, blank=True, help_text=_("The target's revision that the last approval named.")
    )

    audience = models.JSONField(default=dict)
    website_url = models.URLField(max_length=2000, blank=True)
    call_to_action = models.CharField(max_length=32, blank=True)
    duration_s = models.PositiveIntegerField()
    app_platform = models.CharField(max_length=16)
    max_bid_micros = models.PositiveBigIntegerField(null=True, blank=True)
    amendments = models.PositiveIntegerField(default=0, help_text=_("How often its owner changed it in review."))

    cost_coins = models.BigIntegerField()
    coupon_coins = models.BigIntegerField(default=0)
    pay_coins = models.BigIntegerField()
    offer = models.ForeignKey(
        Offer, null=True, blank=True, on_delete=models.PROTECT, related_name="orders", db_index=False
    )
    escrow_id = models.BigIntegerField(null=True, unique=True, help_text=_("Its ledger account."))
    charged_micros = models.BigIntegerField(null=True, blank=True, help_text=_("Everything charged, coupon first."))
    coupon_spent_micros = models.BigIntegerField(null=True, blank=True)
    spent_coins = models.BigIntegerField(null=True, blank=True, help_text=_("The user's coins, once final."))
    refunded_coins = models.BigIntegerField(null=True, blank=True)

    status = models.CharField(max_length=16, choices=Status)
    shard = models.PositiveSmallIntegerField()
    placed_at = models.DateTimeField()
    starts_at = models.DateTimeField(null=True, blank=True)
    ends_at = models.DateTimeField(null=True, blank=True)
    stopped_at = models.DateTimeField(
        null=True, blank=True, help_text=_("Its clock has stood still since: paused, or in review again.")
    )
    end_reason = models.CharField(max_length=16, choices=EndReason, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    ending_at = models.DateTimeField(
        null=True, blank=True, help_text=_("When the end was recorded: later than the end itself after an outage.")
    )
    closed_at = models.DateTimeField(null=True, blank=True, help_text=_("No event is billed after this."))
    drained_at = models.DateTimeField(null=True, blank=True, help_text=_("Its last event is known."))
    refund_due_at = models.DateTimeField(null=True, blank=True)
    refunded_at = models.DateTimeField(null=True, blank=True)
    set_aside_at = models.DateTimeField(null=True, blank=True)
    set_aside_reason = models.TextField(blank=True)
    place_again_until = models.DateTimeField(null=True, blank=True)
    changed_xid = XidField(editable=False, null=True)

    objects = OrderQuerySet.as_manager()

    class Meta:
        permissions = [
            ("review_order", _("Can approve and reject orders")),
            ("end_order", _("Can end orders")),
            ("settle_order", _("Can retry settlements")),
        ]
        # And order_stands: all rules of its row, each by its name (orders/sql/0011_rules.sql).
        constraints = [
            models.UniqueConstraint(fields=["account", "key"], name="order_once_per_key"),
        ]
        # A foreign key has an index of its own only where something looks orders up by it: an order is written a dozen
        # times in its life, each time in every index.
        indexes = [
            models.Index(fields=["account", "-placed_at", "-id"], name="order_of_account"),
            models.Index(fields=["ends_at"], condition=Q(status=Status.DELIVERING), name="order_running_by_end"),
            models.Index(fields=["placed_at"], condition=Q(status=Status.SCHEDULED), name="order_scheduled"),
            models.Index(fields=["refund_due_at"], condition=Q(status=Status.ENDING), name="order_to_settle"),
            models.Index(fields=["refunded_at"], condition=Q(refunded_at__isnull=False), name="order_refunded"),
            models.Index(fields=["changed_xid"], name="order_changed"),
            models.Index(fields=["video"], condition=Q(video__isnull=False), name="order_of_video"),
            models.Index(fields=["live"], condition=Q(live__isnull=False), name="order_of_live"),
            models.Index(fields=["offer"], condition=Q(offer__isnull=False), name="order_of_offer"),
        ]

    def __str__(self) -> str:
        return self.public_id

    @property
    def public_id(self) -> str:
        return ids.public("ord", self.id)

    @staticmethod
    def id_from(text: str) -> UUID:
        return ids.parse("ord", text)

    @property
    def target(self) -> Target:
        target = self.live if self.function == "live" else self.video
        assert target is not None  # order_one_target
        return target

    @property
    def cost_micros(self) -> int:
        return self.cost_coins * 1_000_000

    @property
    def coupon_micros(self) -> int:
        return self.coupon_coins * 1_000_000

    @property
    def settled_micros(self) -> int:
        """What a final order cost when it was settled, coupon and coins: of these whole ones."""
        return (self.spent_coins or 0) * 1_000_000 + (self.coupon_spent_micros or 0)

    @property
    def is_final(self) -> bool:
        return self.status in FINAL

    def move(self, *, to: Status, by: Actor | None, why: str, now: datetime, **changes: Any) -> None:
        """Change the state, with its times, by one conditional UPDATE, and write the history row.

        Raises WrongState where the table of transitions does not allow it or another was faster.
        """
        before = Status(self.status)
        if to not in TRANSITIONS[before]:
            raise WrongState
        if not Order.objects.filter(id=self.id, status=before).update(status=to, **changes):
            raise WrongState
        self.status = to
        for name, value in changes.items():
            setattr(self, name, value)
        self.note(why=why, by=by, now=now, before=before)

    @staticmethod
    def move_all(
        rows: Sequence[Mapping[str, Any]], *, before: Status, to: Status, why: str, now: datetime, **same: Any
    ) -> None:
        """As `move`, of many orders in one state, by nobody, in two statements whatever their number.

        A row has an order's `id` and the changes of its own, `same` has what all of them share. All are moved, or none:
        WrongState.
        """
        if to not in TRANSITIONS[before]:
            raise WrongState
        if many.update(Order, rows, where={"status": before}, status=to, **same) != len(rows):
            raise WrongState
        history = [{"order_id": row["id"]} for row in rows]
        many.insert(
            OrderTransition, history, from_status=before, to_status=to, why=why, by_owner=False, at=now, detail={}
        )

    def note(self, *, why: str, by: Actor | None, now: datetime, before: str | None = None, **detail: Any) -> None:
        """A line of history; without `before`, of something that left the state as it was."""
        OrderTransition.objects.create(
            order=self,
            from_status=self.status if before is None else before,
            to_status=self.status,
            why=why,
            by_id=by.user_id if isinstance(by, Account) else by.pk if by else None,
            by_owner=isinstance(by, Account) or (by is not None and by.pk == self.account.user_id),
            at=now,
            detail=detail,
        )


class OrderTransition(models.Model):
    """History: who did what to an order, when and why. Rows are only added, by trigger."""

    id = models.BigAutoField(primary_key=True)
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="history")
    from_status = models.CharField(max_length=16, blank=True)
    to_status = models.CharField(max_length=16, choices=Status)
    why = models.CharField(max_length=32)
    by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+", db_index=False)
    by_owner = models.BooleanField(default=False)
    at = models.DateTimeField()
    detail = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["by"], condition=Q(by__isnull=False), name="order_history_by")]

    def __str__(self) -> str:
        return f"{self.why} → {self.to_status}"


class Review(models.Model):
    """One look at an order by one person, against a deadline that binds."""

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="reviews")
    kind = models.CharField(max_length=16, choices=ReviewKind)
    status = models.CharField(max_length=16, choices=ReviewStatus, default=ReviewStatus.PENDING)
    opened_at = models.DateTimeField()
    due_at = models.DateTimeField()
    not_by = models.ForeignKey(
        User,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text=_("Who rejected it, and so can't decide the appeal."),
    )
    message = models.TextField(blank=True, help_text=_("What the owner says in the appeal."))
    revision = models.PositiveIntegerField(null=True, blank=True, help_text=_("The revision that the verdict names."))
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    policy = models.CharField(max_length=32, blank=True)
    place_start_s = models.PositiveIntegerField(null=True, blank=True)
    place_end_s = models.PositiveIntegerField(null=True, blank=True)
    reason = models.TextField(blank=True)
    remedy = models.TextField(blank=True)

    class Meta:
        ordering = ["opened_at", "id"]
        # And review_stands: all rules of its row, each by its name (orders/sql/0011_rules.sql).
        constraints = [
            models.UniqueConstraint(fields=["order"], condition=Q(status=ReviewStatus.PENDING), name="review_one_open"),
        ]
        indexes = [
            models.Index(fields=["due_at"], condition=Q(status=ReviewStatus.PENDING), name="review_queue"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.get_status_display()}"
