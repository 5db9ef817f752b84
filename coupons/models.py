"""Coupons: campaigns, and the offers they grant to accounts."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Upper
from django.utils.translation import gettext_lazy as _

from promote import ids, many
from promote.accounts.models import Account, User
from promote.markets.models import Market
from promote.refusals import WrongState


class OfferKind(models.TextChoices):
    VOUCHER = "voucher", _("Voucher")
    DISCOUNT = "discount", _("Discount")


class OfferStatus(models.TextChoices):
    AVAILABLE = "available", _("Available")
    IN_USE = "in_use", _("In use")
    USED = "used", _("Used")
    EXPIRED = "expired", _("Expired")
    REVOKED = "revoked", _("Revoked")


OFFER_TRANSITIONS: dict[OfferStatus, frozenset[OfferStatus]] = {
    OfferStatus.AVAILABLE: frozenset({OfferStatus.IN_USE, OfferStatus.EXPIRED, OfferStatus.REVOKED}),
    OfferStatus.IN_USE: frozenset({OfferStatus.USED, OfferStatus.AVAILABLE, OfferStatus.EXPIRED}),
    OfferStatus.USED: frozenset(),
    OfferStatus.EXPIRED: frozenset(),
    OfferStatus.REVOKED: frozenset(),
}

_KIND_WHOLE = Q(
    kind=OfferKind.VOUCHER, coins__isnull=False, coins__gt=0, percent__isnull=True, cap_coins__isnull=True
) | Q(
    kind=OfferKind.DISCOUNT,
    coins__isnull=True,
    percent__isnull=False,
    percent__gte=1,
    percent__lte=100,
    cap_coins__isnull=False,
    cap_coins__gt=0,
)


class Terms(models.Model):
    """What a coupon gives: a fixed number of coins, or a share of the price up to a cap."""

    kind = models.CharField(max_length=16, choices=OfferKind)
    coins = models.PositiveIntegerField(null=True, blank=True, help_text=_("Of a voucher."))
    percent = models.PositiveSmallIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(100)], help_text=_("Of a discount.")
    )
    cap_coins = models.PositiveIntegerField(null=True, blank=True, help_text=_("The most a discount takes off."))
    min_cost_coins = models.PositiveIntegerField(
        null=True, blank=True, help_text=_("The least an order must cost, where more than the coupon itself.")
    )

    class Meta:
        abstract = True


class Campaign(Terms):
    """A promise of coupons with money of its own: a guarded ledger account, which can't be exceeded."""

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    name = models.CharField(max_length=120, unique=True)
    market = models.ForeignKey(
        Market,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text=_("Empty: orders of every market."),
    )
    code = models.CharField(max_length=40, blank=True, help_text=_("What people type to redeem it, in any case."))
    max_offers = models.PositiveIntegerField(null=True, blank=True, help_text=_("The most offers it grants."))
    offer_days = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text=_("How long an offer holds once granted; never past the campaign's end.")
    )
    starts_at = models.DateTimeField(null=True, blank=True)
    ends_at = models.DateTimeField(null=True, blank=True)
    ledger_account_id = models.BigIntegerField(unique=True, editable=False)
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        permissions = [("fund_campaign", _("Can fund campaigns")), ("grant_offer", _("Can grant offers"))]
        constraints = [
            models.CheckConstraint(condition=_KIND_WHOLE, name="campaign_kind_whole"),
            models.UniqueConstraint(Upper("code"), condition=~Q(code=""), name="campaign_code_unique"),
            models.CheckConstraint(
                condition=Q(starts_at__isnull=True) | Q(ends_at__isnull=True) | Q(ends_at__gt=F("starts_at")),
                name="campaign_ends_after_start",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class OfferQuerySet(models.QuerySet["Offer"]):
    def usable(self, now: datetime) -> "OfferQuerySet":
        return self.filter(status=OfferStatus.AVAILABLE).filter(Q(expires_at__isnull=True) | Q(expires_at__gt=now))

    def overdue(self, now: datetime) -> "OfferQuerySet":
        """Available past their expiry. One in use keeps its time until its order is settled."""
        return self.filter(status=OfferStatus.AVAILABLE, expires_at__lte=now)


class Offer(Terms):
    """A coupon granted to an account. Its terms are its own: a later change of the campaign leaves them."""

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="offers")
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="offers")
    by_code = models.BooleanField(default=False, help_text=_("Redeemed by its owner with the campaign's code."))
    status = models.CharField(max_length=16, choices=OfferStatus, default=OfferStatus.AVAILABLE)
    order_ref = models.CharField(max_length=40, blank=True, help_text=_("The order it is or was used for."))
    expires_at = models.DateTimeField(null=True, blank=True)
    granted_at = models.DateTimeField()

    objects = OfferQuerySet.as_manager()

    class Meta:
        permissions = [("revoke_offer", _("Can revoke offers"))]
        constraints = [
            models.CheckConstraint(condition=_KIND_WHOLE, name="offer_kind_whole"),
            models.UniqueConstraint(
                fields=["campaign", "account"], condition=Q(by_code=True), name="offer_code_once_per_account"
            ),
            models.CheckConstraint(
                condition=~Q(status__in=[OfferStatus.IN_USE, OfferStatus.USED]) | ~Q(order_ref=""),
                name="offer_used_names_order",
            ),
        ]
        indexes = [
            models.Index(fields=["account", "-granted_at"], name="offer_of_account"),
            models.Index(fields=["expires_at"], condition=Q(status=OfferStatus.AVAILABLE), name="offer_to_expire"),
        ]

    def __str__(self) -> str:
        return self.public_id

    @property
    def public_id(self) -> str:
        return ids.public("off", self.id)

    @staticmethod
    def id_from(text: str) -> UUID:
        return ids.parse("off", text)

    def status_at(self, now: datetime) -> OfferStatus:
        """Its status as people see it: past its expiry it is expired, swept or not."""
        if self.status == OfferStatus.AVAILABLE and self.expires_at is not None and self.expires_at <= now:
            return OfferStatus.EXPIRED
        return OfferStatus(self.status)

    def move(self, *, to: OfferStatus, why: str, now: datetime, by: User | None = None, order_ref: str = "") -> None:
        """Change the status by one conditional UPDATE, and write the history row. Raises WrongState."""
        refs = {self.id: order_ref}
        Offer.move_all(refs, before=OfferStatus(self.status), to=to, why=why, by=by, now=now)
        self.status, self.order_ref = to, order_ref

    @staticmethod
    def move_all(
        order_refs: Mapping[UUID, str],
        *,
        before: OfferStatus,
        to: OfferStatus,
        why: str,
        now: datetime,
        by: User | None = None,
    ) -> None:
        """As `move`, of offers in one status, each with the order it then names: all of them, or WrongState."""
        if to not in OFFER_TRANSITIONS[before]:
            raise WrongState
        rows = [{"id": id_, "order_ref": ref} for id_, ref in order_refs.items()]
        if many.update(Offer, rows, where={"status": before}, status=to) != len(rows):
            raise WrongState
        history = [{"offer_id": id_} for id_ in order_refs]
        by_id = by.pk if by else None
        many.insert(OfferTransition, history, from_status=before, to_status=to, why=why, by_id=by_id, at=now)


class OfferTransition(models.Model):
    """History: who did what to an offer, when and why."""

    id = models.BigAutoField(primary_key=True)
    offer = models.ForeignKey(Offer, on_delete=models.PROTECT, related_name="history")
    from_status = models.CharField(max_length=16, blank=True)
    to_status = models.CharField(max_length=16, choices=OfferStatus)
    why = models.CharField(max_length=64)
    by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.why} → {self.to_status}"
