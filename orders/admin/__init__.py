"""What staff sees and does with orders: the review desk, the orders, the settlements."""

from orders.admin import orders, payments, reviews

__all__ = ["orders", "payments", "reviews"]
