"""What finance sees of payments, a file a subject."""

from payments.admin import ledger

__all__ = ["ledger"]
