"""What finance sees of payments, a file a subject."""

from payments.admin import (
    adjustments,
    fraud_warnings,
    invoices,
    ledger,
    limits,
    notices,
    reconciliation,
    refused,
    top_ups,
    withdrawals,
)

__all__ = [
    "adjustments",
    "fraud_warnings",
    "invoices",
    "ledger",
    "limits",
    "notices",
    "reconciliation",
    "refused",
    "top_ups",
    "withdrawals",
]
