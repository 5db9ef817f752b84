"""The ledger's rows. The tables, their constraints and triggers are SQL (payments/sql/0001…); these classes read them.

Rows are written by payments/ledger.py alone: the application's role may not name the balance columns, which every
save() of Django would. Source: DESIGN.md 6, payments.md 1.3.
"""

from typing import TYPE_CHECKING, Any

from django.db import models
from django.utils.translation import gettext_lazy as _


class AccountKind(models.TextChoices):
    PLATFORM = "platform", _("Platform")
    LOT = "lot", _("Lot of coins")
    ESCROW = "escrow", _("Escrow of an order")
    DEBT = "debt", _("Debt")
    CAMPAIGN = "campaign", _("Coupon campaign")
    WITHDRAWAL = "withdrawal", _("Escrow of a withdrawal")
    DISPUTE = "dispute", _("Escrow of a dispute")


class Guard(models.TextChoices):
    CREDIT = "C", _("never below zero")
    DEBIT = "D", _("never above zero")
    NONE = "N", _("none")


if TYPE_CHECKING:
    _BigIntegerField = models.BigIntegerField[int, int]
else:
    _BigIntegerField = models.BigIntegerField


class Xid8Field(_BigIntegerField):
    """PostgreSQL's 64-bit transaction id: which transaction wrote the row. Filled by the database."""

    def db_type(self, connection: Any) -> str:
        return "xid8"

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> int | None:
        return None if value is None else int(value)


class LedgerAccount(models.Model):
    """A lot, an escrow, a debt, a campaign or a platform account.

    `debits` and `credits` are kept by a trigger from the transfers, in micros (ledger 0) or minor units (ISO 4217
    number). A hot account's stay 0: its balance is derived (checkpoints.py).
    """

    id = models.BigAutoField(primary_key=True)
    ledger = models.SmallIntegerField()
    kind = models.CharField(max_length=24, choices=AccountKind)
    code = models.CharField(max_length=96, null=True)
    owner = models.UUIDField(null=True, help_text=_("The account whose money this is."))
    guard = models.CharField(max_length=1, choices=Guard)
    hot = models.BooleanField()
    closed = models.BooleanField()
    debits = models.BigIntegerField()
    credits = models.BigIntegerField()

    class Meta:
        managed = False
        db_table = "payments_ledgeraccount"

    def __str__(self) -> str:
        return self.code or f"{self.kind} {self.pk}"

    @property
    def balance(self) -> int:
        """What stands on it: owed by us for a credit guard, owed to us for a debit guard."""
        return self.debits - self.credits if self.guard == Guard.DEBIT else self.credits - self.debits


class Journal(models.Model):
    """One business event: its transfers are all there or none is. `key` makes it happen once."""

    id = models.BigAutoField(primary_key=True)
    kind = models.CharField(max_length=24)
    key = models.CharField(max_length=160, unique=True)
    request_hash = models.BinaryField()
    ref = models.CharField(max_length=160)
    created_at = models.DateTimeField()
    xid = Xid8Field()

    class Meta:
        managed = False
        db_table = "payments_journal"

    def __str__(self) -> str:
        return self.key


class Transfer(models.Model):
    """One positive amount from `debit` to `credit`, in one currency. Never changed."""

    id = models.BigAutoField(primary_key=True)
    journal = models.ForeignKey(Journal, on_delete=models.PROTECT, related_name="transfers")
    seq = models.IntegerField()
    ledger = models.SmallIntegerField()
    debit = models.ForeignKey(LedgerAccount, on_delete=models.PROTECT, related_name="+")
    credit = models.ForeignKey(LedgerAccount, on_delete=models.PROTECT, related_name="+")
    amount = models.BigIntegerField()
    xid = Xid8Field()
    created_at = models.DateTimeField()

    class Meta:
        managed = False
        db_table = "payments_transfer"

    def __str__(self) -> str:
        return f"{self.debit_id} → {self.credit_id}: {self.amount}"


class Checkpoint(models.Model):
    """What a hot account summed to over every transaction below `up_to`."""

    id = models.BigAutoField(primary_key=True)
    account = models.ForeignKey(LedgerAccount, on_delete=models.PROTECT, related_name="checkpoints")
    up_to = Xid8Field()
    debits = models.BigIntegerField()
    credits = models.BigIntegerField()
    taken_at = models.DateTimeField()

    class Meta:
        managed = False
        db_table = "payments_checkpoint"

    def __str__(self) -> str:
        return f"{self.account_id} at {self.taken_at:%Y-%m-%d %H:%M:%S}"


class Block(models.Model):
    """What transactions from `from_xid` to below `up_to` wrote, sealed. Its marks are read by the audit alone."""

    number = models.BigIntegerField(primary_key=True)
    from_xid = Xid8Field()
    up_to = Xid8Field()
    transfers = models.IntegerField()
    journals = models.IntegerField()
    sealed_at = models.DateTimeField()
    hash = models.BinaryField()

    class Meta:
        managed = False
        db_table = "payments_block"

    def __str__(self) -> str:
        return f"{self.number}:{bytes(self.hash).hex()}"
