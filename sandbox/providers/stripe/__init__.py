"""Stripe's stand-in for development: a stateful HTTP server that speaks the documented protocol.

Customers, Checkout Sessions with their hosted payment page, PaymentIntents, charges, refunds, balance
transactions and events, in the shapes of one pinned API version, with Stripe's own refusals; and signed
webhooks that can be late, doubled, reordered or lost, as the real ones can.

Start it with `python -m sandbox.providers.stripe --help`. Open `api.py` first: every route is listed there.
"""

API_VERSION = "2026-10-28.endive"
