"""Payments' tables, a file a subject."""

from payments.models.adjustments import Adjustment, AdjustmentKind, AdjustmentState
from payments.models.bank import (
    BankAccount,
    BankLine,
    BankMatch,
    BankPayout,
    BankStatement,
    MatchState,
    MatchUse,
    PayoutState,
)
from payments.models.fraud_warnings import FraudWarning
from payments.models.gifts import Gift
from payments.models.invoices import Invoice, InvoiceDocument, InvoiceKind, InvoiceSeries
from payments.models.ledger import AccountKind, Block, Checkpoint, Guard, Journal, LedgerAccount, Transfer
from payments.models.limits import LimitPassed
from payments.models.lots import Lot, Origin
from payments.models.notices import Notice, NoticeState
from payments.models.parties import BillingDetails, Seller
from payments.models.reconciliation import (
    Difference,
    DifferenceKind,
    DifferenceNote,
    DifferenceState,
    ProviderLine,
    Reconciliation,
)
from payments.models.refused import Refused
from payments.models.returns import PaymentReturn, ReturnKind, ReturnState
from payments.models.saved import SavedMethod
from payments.models.top_ups import Payer, TopUp, TopUpStatus, TopUpTransition
from payments.models.uses import LotUse
from payments.models.virtual_accounts import VirtualAccount
from payments.models.withdrawals import (
    WITHDRAWAL_TRANSITIONS,
    LegState,
    PayoutAccount,
    Withdrawal,
    WithdrawalLeg,
    WithdrawalStatus,
    WithdrawalTransition,
)

__all__ = [
    "WITHDRAWAL_TRANSITIONS",
    "AccountKind",
    "Adjustment",
    "AdjustmentKind",
    "AdjustmentState",
    "BankAccount",
    "BankLine",
    "BankMatch",
    "BankPayout",
    "BankStatement",
    "BillingDetails",
    "Block",
    "Checkpoint",
    "Difference",
    "DifferenceKind",
    "DifferenceNote",
    "DifferenceState",
    "FraudWarning",
    "Gift",
    "Guard",
    "Invoice",
    "InvoiceDocument",
    "InvoiceKind",
    "InvoiceSeries",
    "Journal",
    "LedgerAccount",
    "LegState",
    "LimitPassed",
    "Lot",
    "LotUse",
    "MatchState",
    "MatchUse",
    "Notice",
    "NoticeState",
    "Origin",
    "Payer",
    "PaymentReturn",
    "PayoutAccount",
    "PayoutState",
    "ProviderLine",
    "Reconciliation",
    "Refused",
    "ReturnKind",
    "ReturnState",
    "SavedMethod",
    "Seller",
    "TopUp",
    "TopUpStatus",
    "TopUpTransition",
    "Transfer",
    "VirtualAccount",
    "Withdrawal",
    "WithdrawalLeg",
    "WithdrawalStatus",
    "WithdrawalTransition",
]
