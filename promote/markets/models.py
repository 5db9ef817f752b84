"""Markets: the facts of the business by country. Code asks these rows; ops edits them in the admin."""

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator, URLValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from promote.markets import shapes
from promote.money import exponent

COUNTRY_CODE = RegexValidator(r"^[A-Z]{2}$", _("Two capital letters, as in ISO 3166-1."))


class Market(models.Model):
    """A country in which Promote is launched, for some functions at least."""

    code = models.CharField(primary_key=True, max_length=2, validators=[COUNTRY_CODE])
    currency = models.CharField(max_length=3, validators=[shapes.currency])
    exponent = models.PositiveSmallIntegerField(help_text=_("Digits of the currency's minor unit (ISO 4217)."))
    time_zone = models.CharField(max_length=64, validators=[shapes.time_zone])
    language = models.CharField(max_length=16)
    tax_name = models.CharField(max_length=32)
    tax_percent = models.DecimalField(
        max_digits=5, decimal_places=2, help_text=_("Until the first of the tax rates below begins.")
    )
    e_invoice = models.CharField(
        max_length=16,
        blank=True,
        choices=[("factur-x", "Factur-X (EN 16931)")],
        help_text=_("The electronic invoice within the PDF of documents that have tax rows. Empty: none."),
    )

    functions = models.JSONField(help_text=_("Launched: video, anchor, live."))
    objectives = models.JSONField(help_text=_("Objectives of each function."))
    account_types = models.JSONField()
    minimum_age = models.PositiveSmallIntegerField()
    minimum_app_versions = models.JSONField(help_text=_("By app platform; a platform not named has no minimum."))
    music_licences = models.JSONField(help_text=_("Licences under which a video's music may be promoted."))

    budget_min_per_day_coins = models.PositiveIntegerField(validators=[MinValueValidator(1)])
    budget_max_per_day_coins = models.PositiveIntegerField()
    order_max_coins = models.PositiveIntegerField()
    packages_coins = models.JSONField()
    duration_min_s = models.PositiveIntegerField()
    duration_max_s = models.PositiveIntegerField()
    duration_default_s = models.PositiveIntegerField()

    reserve_micros = models.JSONField(help_text=_("The least an impression costs, by objective. Above 0."))
    objective_value = models.JSONField(help_text=_("Relative worth of one action, by objective."))
    action_of_objective = models.JSONField(help_text=_("The action that an objective buys."))

    live_review = models.CharField(max_length=32, default="while_broadcasting")
    review_deadline_s = models.PositiveIntegerField()
    never_on_air_after_s = models.PositiveIntegerField(default=7200)
    refund_within_s = models.PositiveIntegerField(default=900)
    pausing_allowed = models.BooleanField(default=False)
    withdrawal_review_from_coins = models.PositiveIntegerField(
        default=20_000, help_text=_("From so many coins on, our staff looks at a withdrawal before it goes out.")
    )
    withdrawal_surfaces = models.JSONField(
        blank=True,
        validators=[shapes.ListOf("android", "web")],
        help_text=_("Where withdrawals are offered: android, web. Empty: nowhere."),
    )

    class Meta:
        ordering = ["code"]
        constraints = [
            models.CheckConstraint(condition=Q(code__regex=r"^[A-Z]{2}$"), name="market_code_iso"),
            models.CheckConstraint(
                condition=Q(budget_min_per_day_coins__gt=0)
                & Q(budget_min_per_day_coins__lte=F("budget_max_per_day_coins")),
                name="market_budget_limits",
            ),
            models.CheckConstraint(
                condition=Q(duration_min_s__gt=0) & Q(duration_min_s__lte=F("duration_max_s")),
                name="market_duration_limits",
            ),
        ]

    def __str__(self) -> str:
        return self.code

    def clean(self) -> None:
        """All amounts are written by the exponent, and another would move their decimal point; deliveries are priced by
        the terms of their objective."""
        shapes.terms(self.reserve_micros, self.objective_value, self.action_of_objective)
        if self.exponent != exponent(self.currency):
            told = _("%(currency)s has %(digits)d decimals by ISO 4217.")
            params = {"currency": self.currency, "digits": exponent(self.currency)}
            raise ValidationError({"exponent": ValidationError(told, params=params)})


class TaxRate(models.Model):
    """A market's tax from a day to a day, both included. On days of no row the market's own name and rate hold.

    No two rows of a market share a day: `tax_rates_follow_each_other`, an exclusion constraint that is checked at the
    commit, so that one row may make room for another (promote/markets/sql/). What was sold keeps the rate of its day: a
    top-up and its documents have it written on them.
    """

    market = models.ForeignKey(Market, on_delete=models.CASCADE, related_name="tax_rates")
    valid_from = models.DateField(help_text=_("From this day's first minute, in the market's zone."))
    valid_to = models.DateField(
        null=True,
        blank=True,
        help_text=_("To this day's last minute, in the market's zone. Empty: until further notice."),
    )
    name = models.CharField(max_length=32)
    percent = models.DecimalField(
        max_digits=5, decimal_places=2, validators=[MinValueValidator(0), MaxValueValidator(99)]
    )

    class Meta:
        ordering = ["market", "valid_from"]
        constraints = [
            models.CheckConstraint(
                condition=Q(valid_to=None) | Q(valid_to__gte=F("valid_from")), name="tax_rate_ends_after_it_begins"
            ),
            models.CheckConstraint(condition=Q(percent__gte=0) & Q(percent__lt=100), name="tax_rate_percent"),
        ]

    def __str__(self) -> str:
        until = f" to {self.valid_to}" if self.valid_to else ""
        return f"{self.market_id} {self.name} {self.percent} % from {self.valid_from}{until}"


class PaymentMethod(models.Model):
    """A way to pay for coins in a market, on some surfaces."""

    market = models.ForeignKey(Market, on_delete=models.CASCADE, related_name="payment_methods")
    code = models.CharField(max_length=32)
    in_app = models.BooleanField()
    gateway = models.CharField(
        max_length=32, validators=[shapes.provider], help_text=_("The registered gateway that carries it.")
    )
    surfaces = models.JSONField(validators=[shapes.ListOf("ios", "android", "web")], help_text=_("ios, android, web."))
    position = models.PositiveSmallIntegerField()
    enabled = models.BooleanField(default=True)
    min_minor = models.PositiveBigIntegerField(null=True, blank=True)
    max_minor = models.PositiveBigIntegerField(null=True, blank=True)
    life_s = models.PositiveIntegerField(
        default=3600,
        validators=[MinValueValidator(1800), MaxValueValidator(604_800)],
        help_text=_("How long a payer has to pay, in seconds: 1800 to 86400; a transfer to our own bank up to 604800."),
    )
    asks_phone = models.BooleanField(default=False, help_text=_("The provider wants the payer's phone number."))
    refund_from_days = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text=_("A withdrawal's usual time, in days. Empty: it can't be paid back.")
    )
    refund_to_days = models.PositiveSmallIntegerField(null=True, blank=True)
    refund_window_days = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text=_("So long after the payment it can be paid back. Empty: always.")
    )
    refund_url = models.CharField(
        max_length=500,
        blank=True,
        validators=[URLValidator(schemes=["https"])],
        help_text=_("Where a store takes the request for a refund."),
    )

    class Meta:
        ordering = ["market", "position"]
        constraints = [
            models.UniqueConstraint(fields=["market", "code"], name="payment_method_once_a_market"),
            models.CheckConstraint(
                condition=Q(life_s__gte=1800)
                & (Q(life_s__lte=86_400) | Q(gateway="bank_transfer", life_s__lte=604_800)),
                name="payment_method_life_within_a_day",
            ),
            models.CheckConstraint(
                condition=Q(refund_from_days=None, refund_to_days=None)
                | Q(refund_to_days__gte=F("refund_from_days"), refund_from_days__isnull=False),
                name="payment_method_refund_days",
            ),
            models.CheckConstraint(
                condition=Q(min_minor=None) | Q(max_minor=None) | Q(min_minor__lte=F("max_minor")),
                name="payment_method_least_within_most",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.market_id} {self.code}"

    def clean(self) -> None:
        """No store sells in a browser."""
        if self.in_app and isinstance(self.surfaces, list) and "web" in self.surfaces:
            raise ValidationError({"surfaces": _("What is bought in an app is offered on ios or android alone.")})


class PayoutBank(models.Model):
    """A bank of a market to which money can be sent: where what came by transfer goes back to an account that is named.

    What was named once keeps the bank as it stood then.
    """

    market = models.ForeignKey(Market, on_delete=models.CASCADE, related_name="payout_banks")
    code = models.CharField(
        max_length=10,
        validators=[RegexValidator(r"^[0-9A-Z]+$", _("Digits and capital letters."))],
        help_text=_("As the market's banks and payment providers know it: 014."),
    )
    name = models.CharField(max_length=80)
    min_digits = models.PositiveSmallIntegerField(default=6, help_text=_("The shortest of its account numbers."))
    max_digits = models.PositiveSmallIntegerField(default=20, help_text=_("The longest of its account numbers."))
    enabled = models.BooleanField(default=True)

    class Meta:
        ordering = ["market", "name"]
        constraints = [
            models.UniqueConstraint(fields=["market", "code"], name="payout_bank_once_a_market"),
            models.CheckConstraint(
                condition=Q(min_digits__gte=4) & Q(min_digits__lte=F("max_digits")) & Q(max_digits__lte=25),
                name="payout_bank_digits",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.name}"


class CoinPack(models.Model):
    """So many coins for so much money, on a surface."""

    market = models.ForeignKey(Market, on_delete=models.CASCADE, related_name="coin_packs")
    surface = models.CharField(max_length=8, choices=[("web", "web"), ("ios", "iOS"), ("android", "Android")])
    coins = models.PositiveIntegerField()
    price_minor = models.PositiveBigIntegerField()
    product_id = models.CharField(max_length=128, blank=True, help_text=_("The store's product id, for in-app packs."))

    class Meta:
        ordering = ["market", "surface", "coins"]
        constraints = [
            models.UniqueConstraint(fields=["market", "surface", "coins"], name="coin_pack_once"),
            models.UniqueConstraint(
                fields=["market", "surface", "product_id"], condition=~Q(product_id=""), name="coin_pack_product_once"
            ),
            models.CheckConstraint(condition=Q(coins__gt=0) & Q(price_minor__gt=0), name="coin_pack_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.market_id} {self.surface} {self.coins}"


class MoneyLimit(models.Model):
    """How much one account may buy or withdraw in so long, and what happens to more. `payments/limits.py` applies it.

    The row without a market is for every market that has no row of that flow and name.
    """

    class Flow(models.TextChoices):
        TOP_UP = "top_up", _("Coins bought")
        WITHDRAWAL = "withdrawal", _("Coins withdrawn")

    class Counts(models.TextChoices):
        COINS = "coins", _("Coins, those under way included")
        TIMES = "times", _("How often it was begun")
        UNPAID = "unpaid", _("How often it came to nothing")

    class Beyond(models.TextChoices):
        REFUSE = "refuse", _("Refuse")
        REVIEW = "review", _("Our staff looks at it first")

    market = models.ForeignKey(Market, null=True, blank=True, on_delete=models.CASCADE, related_name="money_limits")
    flow = models.CharField(max_length=10, choices=Flow)
    name = models.SlugField(max_length=32, help_text=_("The same name in a market stands for the row of all others."))
    counts = models.CharField(max_length=8, choices=Counts)
    most = models.PositiveIntegerField(help_text=_("The most in a window, the new one included."))
    window_s = models.PositiveIntegerField(
        validators=[MinValueValidator(60), MaxValueValidator(2_678_400)],
        help_text=_("Of so many seconds up to now: 86400 is a day, 2678400 a month at most."),
    )
    younger_than_days = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text=_("Only for accounts that came to us within so many days. Empty: for all.")
    )
    beyond = models.CharField(max_length=8, choices=Beyond, default=Beyond.REFUSE)
    enabled = models.BooleanField(default=True)

    class Meta:
        ordering = ["market", "flow", "name"]
        constraints = [
            models.UniqueConstraint(
                fields=["market", "flow", "name"], nulls_distinct=False, name="money_limit_once_a_market"
            ),
            models.CheckConstraint(
                condition=Q(window_s__gte=60) & Q(window_s__lte=2_678_400), name="money_limit_window"
            ),
            models.CheckConstraint(
                condition=Q(beyond="refuse") | Q(flow="withdrawal"), name="money_limit_reviews_withdrawals"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.market_id or '*'} {self.flow} {self.name}"


class Term(models.Model):
    """A word of a closed list: an interest, a call to action, a policy code with its remedy."""

    class Kind(models.TextChoices):
        INTEREST = "interest", _("Interest")
        CALL_TO_ACTION = "call_to_action", _("Call to action")
        POLICY = "policy", _("Policy code")

    kind = models.CharField(max_length=16, choices=Kind)
    code = models.CharField(max_length=32)
    label = models.CharField(max_length=120)
    remedy = models.CharField(max_length=400, blank=True)
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["kind", "position"]
        constraints = [models.UniqueConstraint(fields=["kind", "code"], name="term_once")]

    def __str__(self) -> str:
        return self.label
