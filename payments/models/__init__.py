"""Payments' tables, a file a subject."""

from payments.models.gifts import Gift
from payments.models.ledger import AccountKind, Checkpoint, Guard, Journal, LedgerAccount, Transfer
from payments.models.lots import Lot, Origin

__all__ = ["AccountKind", "Checkpoint", "Gift", "Guard", "Journal", "LedgerAccount", "Lot", "Origin", "Transfer"]
