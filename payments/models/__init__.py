"""Payments' tables, a file a subject."""

from payments.models.gifts import Gift
from payments.models.invoices import Invoice, InvoiceDocument, InvoiceKind, InvoiceSeries
from payments.models.ledger import AccountKind, Block, Checkpoint, Guard, Journal, LedgerAccount, Transfer
from payments.models.lots import Lot, Origin
from payments.models.notices import Notice, NoticeState
from payments.models.parties import BillingDetails, Seller
from payments.models.top_ups import TopUp, TopUpStatus, TopUpTransition
from payments.models.uses import LotUse

__all__ = [
    "AccountKind",
    "BillingDetails",
    "Block",
    "Checkpoint",
    "Gift",
    "Guard",
    "Invoice",
    "InvoiceDocument",
    "InvoiceKind",
    "InvoiceSeries",
    "Journal",
    "LedgerAccount",
    "Lot",
    "LotUse",
    "Notice",
    "NoticeState",
    "Origin",
    "Seller",
    "TopUp",
    "TopUpStatus",
    "TopUpTransition",
    "Transfer",
]
