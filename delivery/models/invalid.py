"""Invalid traffic: what ops block, who looks for us, where charges came from, what was found later and returned."""

from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from orders.models import Order
from promote import ids
from promote.accounts.models import User


class FoundReason(models.TextChoices):
    """Why charges were found invalid later."""

    VIEWER_TOO_FAST = "viewer_too_fast", _("a viewer saw more than a person can")
    BOT = "bot", _("programs looked, not people")
    DATA_CENTRE = "data_centre", _("it came from machines")
    FRAUD = "fraud", _("they were made up")
    OUR_MISTAKE = "our_mistake", _("we counted them by mistake")


class Network(models.Field):  # type: ignore[type-arg]
    """Addresses that begin alike, as PostgreSQL's `cidr` keeps and checks them; text here: `198.51.100.0/24`."""

    def db_type(self, connection: Any) -> str:
        return "cidr"


class BlockedSource(models.Model):
    """Agents, addresses or pages that ops know nobody watches through: what comes from there is kept and not billed
    (delivery/blocked.py). A row is never changed but for being lifted, and never deleted: the rows are the history."""

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    agent = models.CharField(
        max_length=200, blank=True, help_text=_("Part of a user agent, in any case; * stands for anything between.")
    )
    network = Network(null=True, blank=True, help_text=_("An address, or a network such as 198.51.100.0/24."))
    referrer = models.CharField(
        max_length=253, blank=True, db_default="",
        help_text=_("The host of pages, such as ads.example.com: itself, and all below it."),
    )  # fmt: skip
    reason = models.CharField(max_length=32, choices=FoundReason)
    note = models.TextField(help_text=_("How it was found; for us."))
    since = models.DateTimeField(
        null=True, blank=True, help_text=_("What was billed from there since then (UTC) is returned too, by a run.")
    )
    until = models.DateTimeField(null=True, blank=True, help_text=_("It ends by itself (UTC); empty: until lifted."))
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    lifted_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    lifted_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "delivery_blocked_source"
        ordering = ["-at"]
        constraints = [
            models.CheckConstraint(
                condition=(~models.Q(agent="") & models.Q(network=None, referrer=""))
                | models.Q(agent="", network__isnull=False, referrer="")
                | (models.Q(agent="", network=None) & ~models.Q(referrer="")),
                name="blocked_source_is_one",
            ),
            # In small letters, as DNS has it; a single word would be a whole country's.
            models.CheckConstraint(
                condition=models.Q(referrer="") | models.Q(referrer__regex=r"^([a-z0-9_-]+\.)+[a-z0-9_-]+$"),
                name="blocked_source_is_a_host",
            ),
            # Shorter, it would be in half of all agents.
            models.CheckConstraint(
                condition=models.Q(agent="") | models.Q(agent__regex=r"[^* ]{4}"), name="blocked_source_says_enough"
            ),
            models.CheckConstraint(
                condition=models.Q(until=None) | models.Q(until__gt=models.F("at")), name="blocked_source_has_time"
            ),
            models.CheckConstraint(
                condition=models.Q(since=None) | models.Q(since__lt=models.F("at")), name="blocked_source_looks_back"
            ),
            models.CheckConstraint(condition=~models.Q(note=""), name="blocked_source_says_why"),
        ]
        indexes = [models.Index(fields=["at"], condition=models.Q(lifted_at=None), name="blocked_source_not_lifted")]

    def __str__(self) -> str:
        return self.agent or self.referrer or str(self.network)


class StaffViewer(models.Model):
    """A viewer who looks for us: nobody pays for what they are shown (delivery/staff.py)."""

    name = models.CharField(max_length=256, unique=True, help_text=_("As the platform names them as a viewer."))
    note = models.CharField(max_length=200, help_text=_("Who that is; for us."))
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        db_table = "delivery_staff_viewer"
        ordering = ["name"]
        constraints = [models.CheckConstraint(condition=~models.Q(name=""), name="staff_viewer_has_a_name")]

    def __str__(self) -> str:
        return self.name


class ChargeSource(models.Model):
    """Where a charged impression came from; for so long as it can be found out (delivery/sources.py). Made by SQL."""

    pk = models.CompositePrimaryKey("day", "token")
    day = models.DateField()
    token = models.UUIDField()
    address = models.BinaryField(null=True, help_text=_("In sixteen bytes."))
    agent = models.BigIntegerField(null=True)
    referrer = models.BigIntegerField(null=True)

    class Meta:
        managed = False
        db_table = "delivery_charge_source"

    def __str__(self) -> str:
        return str(self.token)


class Agent(models.Model):
    """A user agent that a charge came from, by its hash. Made by SQL."""

    id = models.BigIntegerField(primary_key=True)
    words = models.TextField()
    day = models.DateField(help_text=_("When it was met last."))

    class Meta:
        managed = False
        db_table = "delivery_agent"

    def __str__(self) -> str:
        return self.words


class Referrer(models.Model):
    """The host of a page that a charge came from, by its hash. Made by SQL."""

    id = models.BigIntegerField(primary_key=True)
    words = models.TextField()
    day = models.DateField(help_text=_("When it was met last."))

    class Meta:
        managed = False
        db_table = "delivery_referrer"

    def __str__(self) -> str:
        return self.words


class Finding(models.Model):
    """Charges found invalid after they were billed: of a time, by order, viewers or what ops blocked
    (delivery/invalid.py)."""

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    reason = models.CharField(max_length=32, choices=FoundReason)
    note = models.TextField(blank=True, help_text=_("How it was found; for us."))
    since = models.DateTimeField(help_text=_("When the first of them happened (UTC)."))
    until = models.DateTimeField(help_text=_("Before then all of them did."))
    order = models.ForeignKey(Order, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    viewers = models.JSONField(default=list, blank=True, help_text=_("Their pseudonyms; none: every viewer."))
    source = models.ForeignKey(
        BlockedSource, null=True, blank=True, on_delete=models.PROTECT, related_name="findings",
        help_text=_("What came from there; none: from anywhere."),
    )  # fmt: skip
    by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+", help_text=_("None: a run did."))
    at = models.DateTimeField()

    class Meta:
        db_table = "delivery_finding"
        ordering = ["-at"]
        constraints = [
            models.CheckConstraint(condition=models.Q(since__lt=models.F("until")), name="finding_has_time"),
            models.CheckConstraint(
                condition=models.Q(order__isnull=False) | ~models.Q(viewers=[]) | models.Q(source__isnull=False),
                name="finding_is_of_something",
            ),
            # What a block looks back at is found once.
            models.UniqueConstraint(fields=["source"], condition=models.Q(by=None), name="finding_of_block_once"),
        ]

    def __str__(self) -> str:
        return ids.public("fnd", self.id)


class ChargeReturn(models.Model):
    """What a finding returned of an order: to its escrow, or, once settled, to where its coins came from."""

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    finding = models.ForeignKey(Finding, on_delete=models.PROTECT, related_name="returns")
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="+")
    impressions = models.PositiveIntegerField()
    micros = models.BigIntegerField(help_text=_("What they had cost."))
    after_settlement = models.BooleanField()
    coins = models.BigIntegerField(help_text=_("To the owner's balance; what they owe was paid of it first."))
    coupon_micros = models.BigIntegerField(help_text=_("To the coupon's campaign."))
    at = models.DateTimeField()

    class Meta:
        db_table = "delivery_charge_return"
        ordering = ["-at"]
        constraints = [
            models.UniqueConstraint(fields=["finding", "order"], name="charge_return_once"),
            models.CheckConstraint(
                condition=models.Q(impressions__gt=0, micros__gt=0, coins__gte=0, coupon_micros__gte=0),
                name="charge_return_of_something",
            ),
        ]

    def __str__(self) -> str:
        return self.public_id

    @property
    def public_id(self) -> str:
        return ids.public("ret", self.id)


class InvalidCharge(models.Model):
    """A charge that a finding names: each once, whatever finds it again. It stays when its event is dropped."""

    pk = models.CompositePrimaryKey("day", "token")
    day = models.DateField()
    token = models.UUIDField()
    finding = models.ForeignKey(Finding, on_delete=models.PROTECT, related_name="charges")
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="+")
    price_micros = models.BigIntegerField()
    returned = models.ForeignKey(ChargeReturn, null=True, on_delete=models.PROTECT, related_name="charges")

    class Meta:
        db_table = "delivery_invalid_charge"
        indexes = [
            models.Index(
                fields=["finding", "order"], condition=models.Q(returned=None), name="invalid_charge_to_return"
            ),
        ]

    def __str__(self) -> str:
        return str(self.token)


class SweptHour(models.Model):
    """An hour whose viewers were looked at, once all that happened in it was told (delivery/invalid.py)."""

    hour = models.DateTimeField(primary_key=True)
    at = models.DateTimeField()

    class Meta:
        db_table = "delivery_swept_hour"

    def __str__(self) -> str:
        return f"{self.hour}"
