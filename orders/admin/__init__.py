"""What staff sees and does with orders: the review desk, the orders, the settlements."""

from orders.admin import orders, reviews

__all__ = ["orders", "reviews"]
