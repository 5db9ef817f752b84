"""Transfers to a bank account of ours: its statements, their lines, what each is for, and what we send back."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from payments.models.top_ups import TopUp
from payments.models.withdrawals import PayoutAccount
from promote import ids
from promote.accounts.models import Account, User
from promote.markets.models import Market


class BankAccount(models.Model):
    """Where a market's payers transfer to, and how its bank's CSV is read. Columns are named as in its head."""

    market = models.OneToOneField(Market, on_delete=models.PROTECT, related_name="bank_account")
    bank = models.CharField(max_length=100)
    number = models.CharField(max_length=34, help_text=_("As payers type it; an IBAN where the bank has one."))
    holder = models.CharField(max_length=100, help_text=_("The name that the account is kept under."))
    enabled = models.BooleanField(default=True)
    csv_encoding = models.CharField(max_length=16, default="utf-8-sig")
    csv_delimiter = models.CharField(
        max_length=1, default=",", choices=[(",", ","), (";", ";"), ("\t", _("tab")), ("|", "|")]
    )
    csv_skip_lines = models.PositiveSmallIntegerField(default=0, help_text=_("Lines before the one with the names."))
    csv_date = models.CharField(max_length=64, default="Date")
    csv_date_format = models.CharField(max_length=32, default="%Y-%m-%d", help_text=_("%d/%m/%Y, %Y-%m-%d, …"))
    csv_amount = models.CharField(max_length=64, default="Amount", help_text=_("What came in; below 0, what went out."))
    csv_amount_out = models.CharField(
        max_length=64, blank=True, help_text=_("Where what went out has a column of its own.")
    )
    csv_decimal_mark = models.CharField(max_length=1, default=".", choices=[(".", "."), (",", ",")])
    csv_currency = models.CharField(max_length=64, blank=True, help_text=_("Empty: all in the market's currency."))
    csv_texts = models.CharField(
        max_length=200, default="Description", help_text=_("Columns that may hold the reference, with commas between.")
    )
    csv_payer = models.CharField(max_length=64, blank=True)
    csv_payer_account = models.CharField(max_length=64, blank=True)
    csv_ref = models.CharField(
        max_length=64, blank=True, help_text=_("The bank's own id of a line. Empty: made of what the line says.")
    )

    def __str__(self) -> str:
        return f"{self.market_id} {self.bank} {self.number}"


class BankStatement(models.Model):
    """A file of the bank's, imported once."""

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    bank_account = models.ForeignKey(BankAccount, on_delete=models.PROTECT, related_name="statements")
    name = models.CharField(max_length=200)
    sha256 = models.CharField(max_length=64)
    new_lines = models.PositiveIntegerField()
    known_lines = models.PositiveIntegerField(help_text=_("Lines that an earlier statement had."))
    imported_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    imported_at = models.DateTimeField()

    class Meta:
        permissions = [("import_bankstatement", _("Can import a bank's statement"))]
        constraints = [models.UniqueConstraint(fields=["bank_account", "sha256"], name="bank_statement_once")]

    def __str__(self) -> str:
        return self.name


class BankLine(models.Model):
    """A line of a statement. `used_minor` is what of it was given a purpose: a trigger sums it, a CHECK bounds it."""

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    statement = models.ForeignKey(BankStatement, on_delete=models.PROTECT, related_name="lines")
    bank_account = models.ForeignKey(BankAccount, on_delete=models.PROTECT, related_name="lines")
    ref = models.CharField(max_length=128, help_text=_("The bank's id of the line, or one made of what it says."))
    booked_on = models.DateField()
    amount_minor = models.BigIntegerField(help_text=_("Below 0 for what left the account."))
    currency = models.CharField(max_length=3)
    text = models.TextField(blank=True)
    payer = models.CharField(max_length=200, blank=True)
    payer_account = models.CharField(max_length=64, blank=True)
    used_minor = models.PositiveBigIntegerField(default=0)
    aside_at = models.DateTimeField(null=True)
    aside_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    aside_why = models.CharField(max_length=300, blank=True, help_text=_("Why it is no payment: interest, our own…"))

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["bank_account", "ref"], name="bank_line_once"),
            models.CheckConstraint(
                condition=Q(used_minor=0) | Q(used_minor__lte=F("amount_minor")), name="bank_line_used_within"
            ),
            models.CheckConstraint(
                condition=Q(aside_at=None, aside_by=None, aside_why="")
                | (Q(aside_at__isnull=False, aside_by__isnull=False) & ~Q(aside_why="")),
                name="bank_line_aside_by_one",
            ),
        ]
        indexes = [
            models.Index(
                fields=["booked_on"],
                condition=Q(amount_minor__gt=F("used_minor"), aside_at=None),
                name="bank_line_to_match",
            )
        ]

    def __str__(self) -> str:
        return f"{self.booked_on} {self.ref}"

    @property
    def left_minor(self) -> int:
        """What of it has no purpose yet."""
        return max(0, self.amount_minor - self.used_minor)


class MatchUse(models.TextChoices):
    PAYS = "pays", _("Pays a top-up")
    BUYS = "buys", _("Buys coins at the price of the smallest pack")
    RETURNS = "returns", _("Was sent back by the bank")


class MatchState(models.TextChoices):
    PROPOSED = "proposed", _("Waits for a second person")
    APPROVED = "approved", _("Approved")
    REFUSED = "refused", _("Refused")


class BankMatch(models.Model):
    """What (a part of) a line's money is for. Proposed by whoever imported or matched it, decided by another (CHECK).

    A top-up of this method is paid by approved ones alone: a trigger refuses any other way.
    """

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    line = models.ForeignKey(BankLine, on_delete=models.PROTECT, related_name="matches")
    use = models.CharField(max_length=8, choices=MatchUse)
    top_up = models.ForeignKey(TopUp, null=True, on_delete=models.PROTECT, related_name="bank_matches")
    account = models.ForeignKey(Account, null=True, on_delete=models.PROTECT, related_name="bank_matches")
    amount_minor = models.PositiveBigIntegerField()
    by_reference = models.BooleanField(help_text=_("Found by its reference; else matched by hand."))
    reason = models.CharField(max_length=300, blank=True)
    state = models.CharField(max_length=8, choices=MatchState, default=MatchState.PROPOSED)
    maker = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    proposed_at = models.DateTimeField()
    checker = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(null=True)
    decision = models.CharField(max_length=300, blank=True, help_text=_("Why it was refused."))

    class Meta:
        verbose_name = _("use of a bank line")
        verbose_name_plural = _("uses of bank lines")
        permissions = [
            ("propose_bankmatch", _("Can say what a bank line is for")),
            ("decide_bankmatch", _("Can approve or refuse what another says a bank line is for")),
        ]
        constraints = [
            models.CheckConstraint(condition=~Q(checker=F("maker")), name="bank_match_by_two"),
            models.CheckConstraint(condition=Q(amount_minor__gt=0), name="bank_match_positive"),
            models.CheckConstraint(condition=Q(by_reference=True) | ~Q(reason=""), name="bank_match_by_hand_says_why"),
            models.CheckConstraint(
                condition=Q(use=MatchUse.PAYS, top_up__isnull=False, account=None)
                | Q(use=MatchUse.BUYS, account__isnull=False)
                | Q(use=MatchUse.RETURNS, top_up=None, account=None),
                name="bank_match_of_its_use",
            ),
            models.CheckConstraint(
                condition=Q(state=MatchState.PROPOSED, checker=None, decided_at=None)
                | Q(state=MatchState.APPROVED, checker__isnull=False, decided_at__isnull=False)
                | (Q(state=MatchState.REFUSED, checker__isnull=False, decided_at__isnull=False) & ~Q(decision="")),
                name="bank_match_decided_once",
            ),
        ]
        indexes = [models.Index(fields=["proposed_at"], condition=Q(state="proposed"), name="bank_match_to_decide")]

    def __str__(self) -> str:
        return f"{self.get_use_display()}: {self.top_up or self.account or self.reason}"


class PayoutState(models.TextChoices):
    WAITING = "waiting", _("To be sent")
    TOLD = "told", _("Said to be done; waits for a second person")
    SENT = "sent", _("Sent")
    FAILED = "failed", _("Can't be sent")


class BankPayout(models.Model):
    """Money of a paid transfer that goes back: to the account of one of its lines, or to the one a withdrawal names.

    One of finance sends it, another confirms. Those of one reference are its parts: all are sent, or none (trigger).
    """

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    top_up = models.ForeignKey(TopUp, on_delete=models.PROTECT, related_name="bank_payouts")
    match = models.ForeignKey(
        BankMatch,
        null=True,
        on_delete=models.PROTECT,
        related_name="payouts",
        help_text=_("What brought it: a trigger lets no more go back to its payer."),
    )
    payout_account = models.ForeignKey(
        PayoutAccount,
        null=True,
        on_delete=models.PROTECT,
        related_name="payouts",
        help_text=_("Whom the withdrawal's part names: a trigger takes that part's amount alone, once."),
    )
    reference = models.CharField(max_length=64, help_text=_("Whose it is: the withdrawal's part."))
    amount_minor = models.PositiveBigIntegerField()
    currency = models.CharField(max_length=3)
    payee = models.CharField(max_length=200, blank=True)
    payee_account = models.CharField(max_length=64, blank=True)
    state = models.CharField(max_length=8, choices=PayoutState, default=PayoutState.WAITING)
    asked_at = models.DateTimeField()
    is_sent = models.BooleanField(null=True, help_text=_("What the first person says became of it."))
    told = models.CharField(max_length=300, blank=True, help_text=_("The bank's id of the transfer, or why it failed."))
    maker = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    told_at = models.DateTimeField(null=True)
    checker = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(null=True)

    class Meta:
        permissions = [
            ("tell_bankpayout", _("Can say that money was sent back by the bank")),
            ("confirm_bankpayout", _("Can confirm that another sent money back")),
        ]
        constraints = [
            models.UniqueConstraint(fields=["reference", "match"], name="bank_payout_once"),
            models.UniqueConstraint(fields=["reference"], condition=Q(match=None), name="bank_payout_named_once"),
            models.CheckConstraint(
                condition=Q(match__isnull=False, payout_account=None)
                | Q(match=None, payout_account__isnull=False, payee="", payee_account=""),
                name="bank_payout_to_line_or_named",
            ),
            models.CheckConstraint(condition=Q(amount_minor__gt=0), name="bank_payout_positive"),
            models.CheckConstraint(condition=Q(checker=None) | ~Q(checker=F("maker")), name="bank_payout_by_two"),
            models.CheckConstraint(
                condition=Q(state=PayoutState.WAITING, maker=None, is_sent=None, told_at=None, checker=None)
                | (
                    Q(maker__isnull=False, is_sent__isnull=False, told_at__isnull=False)
                    & ~Q(told="")
                    & (
                        Q(state=PayoutState.TOLD, checker=None)
                        | Q(state=PayoutState.SENT, is_sent=True, checker__isnull=False, decided_at__isnull=False)
                        | Q(state=PayoutState.FAILED, is_sent=False, checker__isnull=False, decided_at__isnull=False)
                    )
                ),
                name="bank_payout_told_then_confirmed",
            ),
        ]

    def __str__(self) -> str:
        return self.reference
