"""What finance sees of payments, a file a subject."""

from payments.admin import invoices, ledger, notices, top_ups

__all__ = ["invoices", "ledger", "notices", "top_ups"]
