"""What finance sees of payments, a file a subject."""

from payments.admin import adjustments, invoices, ledger, notices, reconciliation, top_ups, withdrawals

__all__ = ["adjustments", "invoices", "ledger", "notices", "reconciliation", "top_ups", "withdrawals"]
