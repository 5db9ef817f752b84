"""What finance sees of payments, a file a subject."""

from payments.admin import (
    adjustments,
    bank,
    fraud_warnings,
    invoices,
    ledger,
    limits,
    notices,
    reconciliation,
    refused,
    saved_methods,
    top_ups,
    withdrawals,
)

__all__ = [
    "adjustments",
    "bank",
    "fraud_warnings",
    "invoices",
    "ledger",
    "limits",
    "notices",
    "reconciliation",
    "refused",
    "saved_methods",
    "top_ups",
    "withdrawals",
]
