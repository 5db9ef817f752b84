"""Google Play's stand-in: the Play Developer API's purchases and orders, and real-time notices by Pub/Sub push.

Start it with `python -m sandbox.providers.google_play --help`. Open `google_play.py` first: every call is listed there.
"""
