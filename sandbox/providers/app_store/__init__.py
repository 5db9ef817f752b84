"""Apple's stand-in: purchases signed as the App Store signs them, its Server API, and Server Notifications V2.

Start it with `python -m sandbox.providers.app_store --help`. Open `app_store.py` first: every call is listed there.
"""
