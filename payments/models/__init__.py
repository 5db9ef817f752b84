"""Payments' tables, a file a subject."""

from payments.models.ledger import AccountKind, Checkpoint, Guard, Journal, LedgerAccount, Transfer
from payments.models.lots import Lot, Origin

__all__ = ["AccountKind", "Checkpoint", "Guard", "Journal", "LedgerAccount", "Lot", "Origin", "Transfer"]
