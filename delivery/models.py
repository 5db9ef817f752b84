"""What was told, what it came to, and where each shard stands."""

import base64
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from delivery.engine.vocabulary import ACTIONS, EVENT_TYPES
from orders.models import Order
from promote import ids
from promote.accounts.models import User


class Event(models.Model):
    """One event of one decision, in the partition of the decision's day. The table is made by SQL.

    Unique by (day, token, type), so that a replay on another day still meets its first telling. An impression is a
    charge where `charged`: it was valid, and its escrow had the price. `type`, `surface`, `age_band` and `gender` are
    places in delivery/engine/vocabulary.py.
    """

    pk = models.CompositePrimaryKey("day", "token", "type")
    day = models.DateField()
    token = models.UUIDField()
    type = models.PositiveSmallIntegerField()
    order_id = models.UUIDField()
    at = models.DateTimeField(help_text=_("When it happened, as told; never outside its decision and its arrival."))
    received_at = models.DateTimeField()
    price_micros = models.BigIntegerField()
    valid = models.BooleanField()
    charged = models.BooleanField()
    reason = models.CharField(max_length=32, blank=True, help_text=_("Why it is not billed."))
    surface = models.PositiveSmallIntegerField()
    country = models.CharField(max_length=2)
    age_band = models.PositiveSmallIntegerField()
    gender = models.PositiveSmallIntegerField()
    viewer = models.BigIntegerField(help_text=_("The viewer's pseudonym."))
    slot = models.PositiveSmallIntegerField()
    visible_ms = models.BigIntegerField(null=True)
    visible_share = models.FloatField(null=True)
    dwell_ms = models.BigIntegerField(null=True)

    class Meta:
        managed = False
        db_table = "delivery_event"

    def __str__(self) -> str:
        return f"{EVENT_TYPES[self.type]} {self.token}"


class DroppedDay(models.Model):
    """What is left of an order's events of a day whose partition was dropped: charges add up as before."""

    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="+", db_constraint=False)
    day = models.DateField()
    impressions = models.BigIntegerField()
    charges = models.BigIntegerField(help_text=_("Of the impressions, those that were billed."))
    micros = models.BigIntegerField()

    class Meta:
        db_table = "delivery_dropped_day"
        constraints = [models.UniqueConstraint(fields=["order", "day"], name="dropped_day_once")]

    def __str__(self) -> str:
        return f"{self.order_id} {self.day}"


class Counts(models.Model):
    """What events came to: impressions, the valid ones, their charges, valid actions by type."""

    impressions = models.BigIntegerField(default=0)
    valid_impressions = models.BigIntegerField(default=0)
    charged_micros = models.BigIntegerField(default=0)
    view_2s = models.BigIntegerField(default=0)
    view_6s = models.BigIntegerField(default=0)
    complete = models.BigIntegerField(default=0)
    profile_visit = models.BigIntegerField(default=0)
    website_visit = models.BigIntegerField(default=0)
    product_click = models.BigIntegerField(default=0)
    follow = models.BigIntegerField(default=0)
    live_enter = models.BigIntegerField(default=0)
    live_minute = models.BigIntegerField(default=0)
    share = models.BigIntegerField(default=0)
    hide = models.BigIntegerField(default=0)
    report = models.BigIntegerField(default=0)

    class Meta:
        abstract = True


COUNTS = ("impressions", "valid_impressions", "charged_micros", *ACTIONS)


class MinuteRollup(Counts):
    pk = models.CompositePrimaryKey("order_id", "minute")
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False)
    minute = models.DateTimeField()

    class Meta:
        db_table = "delivery_minute_rollup"

    def __str__(self) -> str:
        return f"{self.order_id} {self.minute}"


class Dimension(models.TextChoices):
    ALL = "all", _("All")
    COUNTRY = "country", _("Country")
    AGE = "age", _("Age")
    GENDER = "gender", _("Gender")
    SURFACE = "surface", _("Surface")


class HourRollup(Counts):
    """By hour and dimension; each dimension adds up to the same whole. `value` is "" for all and for unknown."""

    pk = models.CompositePrimaryKey("order_id", "hour", "dimension", "value")
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False)
    hour = models.DateTimeField()
    dimension = models.CharField(max_length=8, choices=Dimension)
    value = models.CharField(max_length=16, blank=True)

    class Meta:
        db_table = "delivery_hour_rollup"
        indexes = [models.Index(fields=["hour", "dimension"], name="hour_rollup_by_hour")]

    def __str__(self) -> str:
        return f"{self.order_id} {self.hour} {self.dimension} {self.value}"


class UnbilledHour(models.Model):
    """What an order was told in an hour that is not billed, by reason. Kept when the events themselves are dropped.

    Reasons of the edge (`replayed`, `token_expired`, …) are of events that were refused, and stand nowhere else.
    Without an order: nobody can say of which (`token_unknown`, `type_unknown`).
    """

    order = models.ForeignKey(
        Order, null=True, on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    hour = models.DateTimeField()
    reason = models.CharField(max_length=32)
    impressions = models.BigIntegerField(default=0)
    actions = models.BigIntegerField(default=0)
    price_micros = models.BigIntegerField(default=0, help_text=_("What the impressions would have cost."))

    class Meta:
        db_table = "delivery_unbilled_hour"
        constraints = [
            models.UniqueConstraint(fields=["order", "hour", "reason"], name="unbilled_once", nulls_distinct=False)
        ]
        indexes = [models.Index(fields=["hour", "reason"], name="unbilled_by_hour")]

    def __str__(self) -> str:
        return f"{self.order_id} {self.hour} {self.reason}"


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
    """Agents or addresses that ops know nobody watches through: what comes from there is kept and not billed
    (delivery/blocked.py). A row is never changed but for being lifted, and never deleted: the rows are the history."""

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    agent = models.CharField(
        max_length=200, blank=True, help_text=_("Part of a user agent, in any case; * stands for anything between.")
    )
    network = Network(null=True, blank=True, help_text=_("An address, or a network such as 198.51.100.0/24."))
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
                condition=models.Q(agent="", network__isnull=False) | (~models.Q(agent="") & models.Q(network=None)),
                name="blocked_source_is_one",
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
        return self.agent or str(self.network)


class ChargeSource(models.Model):
    """Where a charged impression came from; for so long as it can be found out (delivery/sources.py). Made by SQL."""

    pk = models.CompositePrimaryKey("day", "token")
    day = models.DateField()
    token = models.UUIDField()
    address = models.BinaryField(null=True, help_text=_("In sixteen bytes."))
    agent = models.BigIntegerField(null=True)

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


class Shard(models.Model):
    """Where a shard stands: what was drained, and under which generation."""

    id = models.PositiveSmallIntegerField(primary_key=True)
    generation = models.PositiveIntegerField(default=0, help_text=_("Of its counters and stream; 0 before the first."))
    redis_run_id = models.CharField(max_length=64, blank=True)
    position_generation = models.PositiveIntegerField(default=0)
    position_id = models.CharField(max_length=48, default="0-0", help_text=_("The last stream entry committed."))
    drained_at = models.DateTimeField(null=True, blank=True)
    lost_entries = models.PositiveBigIntegerField(
        default=0,
        help_text=_(
            "At least so many went with a lost Redis: they were seen waiting and never drained. What came after the "
            "last look, half a second before at most, nobody can count."
        ),
    )

    def __str__(self) -> str:
        return f"shard {self.id}"


class Pacer(models.Model):
    """Who paces a shard, and what it saw. A row of its own: a drain keeps its shard's locked while it works."""

    shard = models.OneToOneField(Shard, primary_key=True, on_delete=models.CASCADE)
    epoch = models.PositiveBigIntegerField(default=0)
    until = models.DateTimeField(null=True, blank=True)
    backlog = models.PositiveBigIntegerField(default=0, help_text=_("Entries in its stream when last looked."))

    class Meta:
        db_table = "delivery_pacer"

    def __str__(self) -> str:
        return f"pacer of {self.shard_id}"


class PacingState(models.Model):
    """Where an order's pacing stands (delivery/engine/pacing.py). Times are seconds since 1970."""

    order = models.OneToOneField(Order, primary_key=True, on_delete=models.PROTECT, related_name="+")
    shard = models.PositiveSmallIntegerField()
    generation = models.PositiveIntegerField(help_text=_("The generation of these figures."))
    mu = models.FloatField()
    score = models.FloatField(default=0.0, help_text=_("Expected worth of an impression when last looked."))
    mu_expected = models.FloatField()
    mean_cost = models.FloatField()
    at = models.FloatField()
    spent = models.BigIntegerField()
    charged = models.BigIntegerField(default=0)
    charges = models.BigIntegerField(default=0)
    planned = models.FloatField(default=0.0)
    actual = models.FloatField(default=0.0)
    latency_s = models.FloatField(default=0.0)
    outstanding_micros = models.BigIntegerField(
        default=0, help_text=_("At most so much was released or reserved: what a lost Redis could still cost.")
    )
    held_until = models.FloatField(default=0.0, help_text=_("Until then tokens of a lost generation may come."))
    due_at = models.FloatField(default=0.0)

    class Meta:
        db_table = "delivery_pacing_state"

    def __str__(self) -> str:
        return f"pacing of {ids.public('ord', self.order_id)}"


class Barrier(models.Model):
    """An ended order's last word in its shard's stream. Written again under each generation until drained."""

    order = models.OneToOneField(Order, primary_key=True, on_delete=models.PROTECT, related_name="+")
    shard = models.PositiveSmallIntegerField()
    due_at = models.DateTimeField(help_text=_("At the latest then, even if tokens are still out."))
    appended_generation = models.PositiveIntegerField(null=True, blank=True)
    drained_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["shard"], condition=models.Q(drained_at=None), name="barrier_waiting"),
        ]

    def __str__(self) -> str:
        return f"barrier of {ids.public('ord', self.order_id)}"


class PoisonEntry(models.Model):
    """A stream entry that could not be stored, with the error. It can be replayed."""

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    shard = models.PositiveSmallIntegerField()
    generation = models.PositiveIntegerField()
    stream_id = models.CharField(max_length=48)
    fields = models.JSONField(help_text=_("The entry's fields, each in base64."))
    error = models.TextField()
    at = models.DateTimeField()
    replayed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "delivery_poison_entry"
        ordering = ["-at"]
        verbose_name_plural = _("poison entries")

    def __str__(self) -> str:
        return f"{self.shard}:{self.generation}:{self.stream_id}"

    @staticmethod
    def kept(fields: dict[bytes, bytes]) -> dict[str, str]:
        return {_text(name): _text(value) for name, value in fields.items()}

    def entry(self) -> dict[bytes, bytes]:
        kept: dict[str, Any] = self.fields
        return {base64.b64decode(name): base64.b64decode(value) for name, value in kept.items()}


class RateNode(models.Model):
    """A learned rate: `objective`, then `/market`, `/surface`, `/account`, `/order`, each below the one before."""

    key = models.CharField(max_length=160, primary_key=True)
    alpha = models.FloatField()
    beta = models.FloatField()
    impressions = models.FloatField(help_text=_("Discounted, behind it."))
    at = models.DateTimeField()

    class Meta:
        db_table = "delivery_rate_node"

    def __str__(self) -> str:
        return self.key


class PriceNode(models.Model):
    """What impressions of the last days cost: `objective/market`. Forecasts read it while somebody waits."""

    key = models.CharField(max_length=80, primary_key=True)
    charges = models.BigIntegerField()
    micros = models.BigIntegerField(help_text=_("Of all of them."))
    at = models.DateTimeField()

    class Meta:
        db_table = "delivery_price_node"

    def __str__(self) -> str:
        return self.key


class TrafficHour(models.Model):
    """How many slots were asked for in an hour, by who watched where. What forecasts and the curve learn from."""

    pk = models.CompositePrimaryKey("hour", "country", "age_band", "gender", "surface")
    hour = models.DateTimeField()
    country = models.CharField(max_length=2)
    age_band = models.PositiveSmallIntegerField()
    gender = models.PositiveSmallIntegerField()
    surface = models.PositiveSmallIntegerField()
    slots = models.BigIntegerField(default=0)

    class Meta:
        db_table = "delivery_traffic_hour"
        indexes = [models.Index(fields=["country", "hour"], name="traffic_by_country")]

    def __str__(self) -> str:
        return f"{self.hour} {self.country}"


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
