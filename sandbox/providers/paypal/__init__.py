"""PayPal's stand-in: Orders v2, Vault v3 and signed webhooks, with the page on which a payer approves.

Start it with `python -m sandbox.providers.paypal --help`. Open `paypal.py` first: every call is listed there.
"""
